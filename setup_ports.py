"""
The historical spelling: `python setup_ports.py init` is `portconf init`.

It works before portconf is installed only from this folder, which holds it.
"""

import sys

from portconf.cli import main


if __name__ == "__main__":
    sys.exit(main(program="setup_ports.py"))

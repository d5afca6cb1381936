"""`python -m portconf`."""

import sys

from portconf.cli import main


sys.exit(main())

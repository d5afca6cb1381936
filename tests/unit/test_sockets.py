import sys

import pytest

from portconf.model import PortRange
from portconf.sockets import ephemeral_range


linux = pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's settings")


@linux
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("32768\t60999\n", PortRange(first=32768, last=60999)),
        ("1024 65535", PortRange(first=1024, last=65535)),
        ("", None),
        ("32768\n", None),
        ("60999 32768", None),
        ("a b", None),
        ("0 70000", None),
    ],
)
def test_the_ephemeral_range_is_what_the_kernel_says_or_unknown(
    tmp_path, text, expected
):
    (tmp_path / "ip_local_port_range").write_text(text, encoding="ascii")

    assert ephemeral_range(str(tmp_path)) == expected


@linux
def test_a_kernel_that_hides_its_range_is_asked_no_further(tmp_path):
    assert ephemeral_range(str(tmp_path)) is None


def test_this_machine_has_a_range_or_hides_it():
    found = ephemeral_range()

    assert found is None or found.last <= 65535

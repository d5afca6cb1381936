import json
import os
from typing import Any

import pytest

from portconf import store
from portconf.errors import StoreFormatError
from portconf.folder import Folder
from portconf.model import Assignment, Plan


NAME = "config/port_assignments.json"
WEB = {"port": 4000, "purpose": "Main HTTP Server"}
DOCUMENT = {
    "format": 1,
    "base_port": 4000,
    "next_port": 4002,
    "services": {"web": WEB, "db": {"port": 4001, "purpose": "Größe 🐘"}},
}
PLAN = Plan(
    base_port=4000,
    next_port=4002,
    services={
        "web": Assignment(port=4000, purpose="Main HTTP Server"),
        "db": Assignment(port=4001, purpose="Größe 🐘"),
    },
)
TEXT = """\
{
  "format": 1,
  "base_port": 4000,
  "next_port": 4002,
  "services": {
    "web": {
      "port": 4000,
      "purpose": "Main HTTP Server"
    },
    "db": {
      "port": 4001,
      "purpose": "Größe 🐘"
    }
  }
}
"""


def with_(**changes: Any) -> bytes:
    """Return the document with some keys changed; None takes one out."""
    document = {**DOCUMENT, **changes}
    return json.dumps({k: v for k, v in document.items() if v is not None}).encode()


def service(**changes: Any) -> bytes:
    return with_(services={"web": {**WEB, **changes}})


def test_a_plan_is_rendered_in_port_order_with_two_spaces_and_a_final_newline():
    assert store.render(PLAN).decode() == TEXT
    assert store.parse(TEXT.encode(), name=NAME) == PLAN


def test_released_numbers_stand_at_the_end_if_there_are_any():
    plan = Plan(base_port=4000, next_port=4001, released=(4005, 4010))

    data = store.render(plan)

    assert list(json.loads(data))[-1] == "released"
    assert store.parse(data, name=NAME) == plan


def test_a_plan_that_a_formatter_laid_out_anew_is_the_same_plan():
    assert store.parse(with_(), name=NAME) == PLAN


def test_a_full_plan_is_read():
    data = with_(base_port=65535, next_port=65536, services={})

    assert store.parse(data, name=NAME) == Plan(base_port=65535, next_port=65536)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        # not a document at all
        (b"", "is not JSON: "),
        (b"\0" * 64, "is not JSON: "),
        (TEXT.encode()[:100], "is not JSON: "),
        (b"null", "must hold an object, got None"),
        (b"[]", "must hold an object, got []"),
        (b"\xff{}", "is not UTF-8 at byte 0"),
        (b"\xef\xbb\xbf{}", "is not JSON: "),
        (TEXT.encode("utf-16"), "is not UTF-8 at byte 0"),
        (TEXT.encode() + b"x", "is not JSON: "),
        (b'{"a": ' + b"[" * 200_000, "is nested too deeply to be a plan"),
        (b'{"format": ' + b"9" * 5000 + b"}", "is not JSON: "),
        # the format's number
        (with_(format=None), "must have an integer as 'format', got None"),
        (with_(format=0), "must have an integer as 'format', got 0"),
        (with_(format=True), "must have an integer as 'format', got True"),
        (with_(format="1"), "must have an integer as 'format', got '1'"),
        (with_(format=1.0), "must have an integer as 'format', got 1.0"),
        (
            with_(format=2),
            (
                "has format 2, and this portconf knows formats up to 1:"
                " a newer portconf wrote it"
            ),
        ),
        (b'{"format": 2, "shape": []}', "has format 2, "),
        # its keys
        (with_(base_port=None), "lacks the key 'base_port'"),
        (with_(next_port=None), "lacks the key 'next_port'"),
        (with_(services=None), "lacks the key 'services'"),
        (with_(extra=1), "has a key 'extra' that format 1 lacks"),
        (b'{"format": 1, "format": 1}', "names 'format' twice"),
        (
            TEXT.replace('"db"', '"web"').encode(),
            "names 'web' twice",
        ),
        (TEXT.replace('"purpose"', '"port"', 1).encode(), "names 'port' twice"),
        # its ports
        (with_(base_port=0), "must hold an integer from 1 to 65535 as base_port"),
        (with_(base_port=65536), "must hold an integer from 1 to 65535 as base_port"),
        (with_(base_port=True), "must hold an integer from 1 to 65535 as base_port"),
        (with_(base_port=4000.0), "must hold an integer from 1 to 65535 as base_port"),
        (with_(base_port="4000"), "must hold an integer from 1 to 65535 as base_port"),
        (
            with_(base_port=float("nan")),
            "must hold an integer from 1 to 65535 as base_port, got nan",
        ),
        (with_(next_port=65537), "must hold an integer from 1 to 65536 as next_port"),
        (with_(next_port=-1), "must hold an integer from 1 to 65536 as next_port"),
        (service(port=0), "must hold an integer from 1 to 65535 as port of 'web'"),
        (service(port=70000), "must hold an integer from 1 to 65535 as port of 'web'"),
        (service(port=False), "must hold an integer from 1 to 65535 as port of 'web'"),
        (service(port=10**4000), "must hold an integer from 1 to 65535 as port of"),
        # its services
        (with_(services=[]), "must hold an object as 'services', got []"),
        (with_(services={"web": 4000}), "must hold 'port' and 'purpose' for service"),
        (with_(services={"web": {"port": 1}}), "must hold 'port' and 'purpose' for"),
        (service(env="X"), "must hold 'port' and 'purpose' for service 'web'"),
        (service(purpose=1), "must hold text as the purpose of 'web', got 1"),
        (with_(services={"Web": WEB}), "has a service whose name must be lower-case"),
        (with_(services={"$(id)": WEB}), "has a service whose name must be lower-case"),
        (with_(services={"a\nb": WEB}), "has a service whose name must be lower-case"),
        # half of a character: nothing that could be written again
        (service(purpose="\ud800"), "must hold text as the purpose of 'web'"),
        # its released numbers
        (with_(released={}), "must hold a list as 'released', got {}"),
        (with_(released=[0]), "must hold an integer from 1 to 65535 as released"),
        (with_(released=[True]), "must hold an integer from 1 to 65535 as released"),
    ],
)
def test_a_file_that_is_no_plan_is_refused_with_file_reason_and_remedy(data, reason):
    with pytest.raises(StoreFormatError) as caught:
        store.parse(data, name=NAME)

    assert str(caught.value).startswith(f"{NAME} {reason}")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 250
    assert caught.value.path == NAME
    assert f"git checkout -- {NAME}" in (caught.value.hint or "")


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_the_markers_of_a_merge_are_told_from_other_damage(newline):
    text = TEXT.replace("    },\n", "<<<<<<< HEAD\n    },\n=======\n>>>>>>> topic\n")

    with pytest.raises(StoreFormatError, match="conflict markers") as caught:
        store.parse(text.replace("\n", newline).encode(), name=NAME)

    assert "keep the services of both sides" in (caught.value.hint or "")


def test_no_file_is_no_plan(tmp_path):
    assert store.read(Folder.at(str(tmp_path)).file(NAME)) is None


def test_a_plan_is_read_back_from_its_file(tmp_path):
    file = Folder.at(str(tmp_path)).file(NAME)

    store.write(file, PLAN)

    assert store.read(file) == PLAN
    assert os.listdir(tmp_path / "config") == ["port_assignments.json"]


def test_two_services_on_one_port_are_read_only_to_be_mended(tmp_path):
    file = Folder.at(str(tmp_path)).file("plan.json")
    data = TEXT.replace("4001", "4000").encode()
    (tmp_path / "plan.json").write_bytes(data)

    with pytest.raises(StoreFormatError) as caught:
        store.read(file)

    assert str(caught.value) == (
        "plan.json: port 4000 is assigned to both 'db' and 'web'"
    )
    assert "portconf init" in (caught.value.hint or "")
    merged = store.read(file, merged=True)
    assert merged is not None
    assert merged.duplicates() == {4000: ("db", "web")}


def test_a_refused_file_is_left_untouched(tmp_path):
    path = tmp_path / "plan.json"
    path.write_bytes(b'{"format": 99}')
    before = path.stat()

    with pytest.raises(StoreFormatError):
        store.read(Folder.at(str(tmp_path)).file("plan.json"))

    assert path.read_bytes() == b'{"format": 99}'
    assert path.stat().st_mtime_ns == before.st_mtime_ns

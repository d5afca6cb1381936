"""Where the registry lies, and whether that place can be trusted."""

import os
import stat
import sys
from pathlib import Path

import pytest

from portconf.errors import RegistryError
from portconf.registry import place
from portconf.registry.place import Place


linux = pytest.mark.skipif(sys.platform != "linux", reason="needs the XDG folders")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    return tmp_path


def named(monkeypatch, text: str) -> Place | None:
    """Return what `PORTCONF_REGISTRY` names."""
    monkeypatch.setenv("PORTCONF_REGISTRY", text)
    return place.machine()


@linux
def test_it_lies_in_the_users_state_folder(home):
    path = str(home / ".local" / "state" / "portconf" / "registry.sqlite3")

    assert place.machine() == Place(path=path)


@linux
@pytest.mark.parametrize("given", ["", "relative/state", "./state", "~/state"])
def test_a_state_folder_that_is_not_absolute_counts_for_none(given, home, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", given)

    found = place.machine()

    assert found == Place(path=f"{home}/.local/state/portconf/registry.sqlite3")


@linux
def test_a_state_folder_that_is_absolute_counts(home, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", f"{home}/elsewhere")

    assert place.machine() == Place(path=f"{home}/elsewhere/portconf/registry.sqlite3")


@linux
def test_it_is_where_platformdirs_says(home):
    platformdirs = pytest.importorskip("platformdirs")
    found = place.machine()

    assert found is not None
    wanted = platformdirs.user_state_dir("portconf", appauthor=False)
    assert os.path.dirname(found.path) == wanted
    assert found.path.startswith(str(home))


def test_off_is_no_registry(monkeypatch):
    assert named(monkeypatch, "off") is None


def test_an_empty_name_is_none(home, monkeypatch):
    without = place.machine()

    assert named(monkeypatch, "") == without
    assert without is not None
    assert not without.named
    assert without.path.startswith(str(home))


@pytest.mark.parametrize(
    "text",
    ["registry.sqlite3", "./x", "../x", "OFF", " off", "~nobody-has-it/x", "$HOME"],
)
def test_a_relative_name_is_refused(text, monkeypatch):
    with pytest.raises(RegistryError) as caught:
        named(monkeypatch, text)

    assert caught.value.message == (
        f"PORTCONF_REGISTRY must be an absolute path or 'off', got {text!r}"
    )
    assert caught.value.hint
    assert caught.value.exit_code == 5


@pytest.mark.parametrize("text", ["~", "~/"])
def test_the_home_folder_holds_a_registry_of_the_usual_name(text, home, monkeypatch):
    assert named(monkeypatch, text) == Place(
        path=f"{home}/registry.sqlite3", named=True
    )


def test_a_name_may_begin_at_home(home, monkeypatch):
    assert named(monkeypatch, "~/x.db") == Place(path=f"{home}/x.db", named=True)


def test_a_folder_holds_a_registry_of_the_usual_name(tmp_path, monkeypatch):
    found = named(monkeypatch, f"{tmp_path}/./")

    assert found == Place(path=f"{tmp_path}/registry.sqlite3", named=True)


def test_a_name_that_does_not_exist_is_a_file(tmp_path, monkeypatch):
    assert named(monkeypatch, f"{tmp_path}/x/../y") == Place(
        path=f"{tmp_path}/y", named=True
    )


def test_a_link_to_a_folder_is_refused_as_a_link(tmp_path, monkeypatch):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    found = named(monkeypatch, f"{tmp_path}/link")
    assert found is not None

    with pytest.raises(RegistryError, match="link is a symbolic link"):
        found.trusted()


def test_what_does_not_exist_yet_is_trusted(tmp_path):
    kept = Place(path=str(tmp_path / "a" / "b" / "registry.sqlite3"))

    assert kept.trusted() is kept


@pytest.mark.parametrize(
    ("folder", "file", "ours", "groups"),
    [
        (0o700, 0o600, True, True),
        (0o755, 0o644, True, True),
        (0o500, 0o400, True, True),
        (0o770, 0o600, False, True),
        (0o700, 0o660, False, True),
        (0o777, 0o600, False, False),
        (0o1777, 0o600, False, False),
        (0o700, 0o666, False, False),
        (0o700, 0o602, False, False),
    ],
)
def test_who_may_write_decides_what_is_trusted(folder, file, ours, groups, tmp_path):
    kept = tmp_path / "state" / "registry.sqlite3"
    kept.parent.mkdir()
    kept.touch()
    kept.chmod(file)
    kept.parent.chmod(folder)

    for asked, trusted in (
        (Place(path=str(kept)), ours),
        (Place(path=str(kept), named=True), groups),
    ):
        if trusted:
            assert asked.trusted() is asked
            continue
        with pytest.raises(RegistryError, match=r"is refused: .* can be") as caught:
            asked.trusted()
        assert (caught.value.exit_code, caught.value.path) == (5, asked.path)
        assert "0700" in (caught.value.hint or "")


def test_asking_makes_nothing(tmp_path):
    kept = Place(path=str(tmp_path / "a" / "b" / "registry.sqlite3"))

    assert kept.writable()

    assert list(tmp_path.iterdir()) == []


def test_the_folder_is_made_for_its_user_alone_and_the_file_is_not(tmp_path):
    kept = Place(path=str(tmp_path / "a" / "b" / "registry.sqlite3"))

    assert kept.writable(make=True)

    folder = tmp_path / "a" / "b"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not os.path.exists(kept.path)
    assert kept.writable(make=True)


@pytest.mark.parametrize("make", [False, True])
def test_below_a_file_nothing_can_be_written(make, tmp_path):
    (tmp_path / "file").touch()

    assert not Place(path=str(tmp_path / "file" / "x" / "r")).writable(make=make)
    assert not Place(path=str(tmp_path / "file" / "r")).writable(make=make)


@pytest.mark.skipif(
    hasattr(os, "geteuid") and os.geteuid() == 0, reason="needs not to be root"
)
def test_what_the_permissions_forbid_cannot_be_written(tmp_path):
    (tmp_path / "r").touch(0o400)
    assert not Place(path=str(tmp_path / "r")).writable()
    (tmp_path / "r").unlink()
    tmp_path.chmod(0o500)

    assert not Place(path=str(tmp_path / "r")).writable()
    assert not Place(path=str(tmp_path / "x" / "r")).writable(make=True)


def test_the_registry_in_a_folder_has_the_usual_name():
    assert place.inside("/a/b") == Place(path="/a/b/registry.sqlite3")

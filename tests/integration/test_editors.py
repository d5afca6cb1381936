"""`export --format devcontainer` and `vscode`, on files, and read by others."""

import json
import shutil
import subprocess

import json5
import pytest
from capability import needs
from checkouts import Checkout, declaration
from commandline import run, state


MINE = """\
// For the shop.
{
    "image": "debian", // any
    "forwardPorts": [3000], /* theirs */
}
"""


def _export(name: str, shop: Checkout) -> None:
    done = shop.run("export", "--format", name, "--output", ".")
    assert done.code == 0, done


@pytest.fixture
def container(shop):
    """The dev container of a shop, a file of the user's."""
    file = shop.root / ".devcontainer" / "devcontainer.json"
    file.parent.mkdir()
    file.write_text(MINE)
    return file


@pytest.mark.external
@needs("devcontainer")
@pytest.mark.usefixtures("container")
def test_the_dev_container_program_reads_the_ports_of_the_checkout(shop):
    _export("devcontainer", shop)

    # It asks Docker for containers that run already: there is none.
    docker = shutil.which("true") or "true"
    words = ["read-configuration", "--docker-path", docker]
    done = subprocess.run(
        ["devcontainer", *words, "--workspace-folder", str(shop.root)],
        capture_output=True,
        check=True,
        timeout=60,
    )
    found = json.loads(done.stdout)["configuration"]

    ports = [*shop.ports().values()]
    assert found["image"] == "debian"
    assert found["forwardPorts"] == [*ports, 3000]
    assert list(found["portsAttributes"]) == [*map(str, ports)]


def test_a_moved_lease_replaces_the_old_ports(shop, container):
    _export("devcontainer", shop)
    before = container.read_text()
    linked = shop.worktree("../feature")
    file = linked.root / ".devcontainer" / "devcontainer.json"
    file.parent.mkdir()
    file.write_text(before)  # as it comes with the branch

    _export("devcontainer", linked)

    found = json5.loads(file.read_text())
    assert found["forwardPorts"] == [*linked.ports().values(), 3000]
    assert found["portsAttributes"].keys() == {*map(str, linked.ports().values())}
    assert run("export", "--format", "devcontainer", "--output", ".", at=shop.root).err


@pytest.mark.usefixtures("container")
def test_twice_is_no_change(shop):
    (shop.root / ".vscode").mkdir()
    (shop.root / ".vscode" / "settings.json").write_text('{"editor.tabSize": 2}')
    for name in ("devcontainer", "vscode"):
        _export(name, shop)
    before = state(shop.root)

    for name in ("devcontainer", "vscode"):
        _export(name, shop)

    assert state(shop.root) == before


def test_settings_that_are_there_are_edited_and_no_header_is_asked_for(shop):
    file = shop.root / ".vscode" / "settings.json"
    file.parent.mkdir()
    file.write_bytes(b'\xef\xbb\xbf{\r\n\t"editor.tabSize": 2 // two\r\n}')

    _export("vscode", shop)

    found = json5.loads(file.read_text(encoding="utf-8-sig"))
    terminal = found["terminal.integrated.env.linux"]
    assert found["editor.tabSize"] == 2
    assert terminal["WEB_PORT"] == str(shop.port())
    assert terminal["PORTCONF_ROOT"] == str(shop.root)
    assert file.read_bytes().startswith(
        b'\xef\xbb\xbf{\r\n\t"editor.tabSize": 2, // two\r\n'
    )


def test_a_project_in_a_folder_names_its_own_env_file(shop, base):
    inner = Checkout(shop.root / "services" / "shop")
    inner.root.mkdir(parents=True)
    inner.declare(declaration(base + 10))
    inner.init()
    file = shop.root / ".vscode" / "launch.json"
    file.parent.mkdir()
    file.write_text('{"configurations": [{"type": "go", "request": "launch"}]}')

    words = ("export", "--format", "vscode", "--output", ".")
    done = run("-C", "services/shop", *words, at=shop.root)

    assert done.code == 0, done
    (launched,) = json5.loads(file.read_text())["configurations"]
    assert launched["envFile"] == "${workspaceFolder}/services/shop/.env"


@pytest.mark.parametrize("text", ['{\n"a" 1}', '{"a": "\xff"}'])
def test_a_broken_file_is_refused_and_left_alone(text, shop, container):
    container.write_bytes(text.encode("latin-1"))

    done = shop.run("export", "--format", "devcontainer", "--output", ".")

    assert done.code != 0
    assert ".devcontainer/devcontainer.json is" in done.err
    assert "Traceback" not in done.err
    assert container.read_bytes() == text.encode("latin-1")

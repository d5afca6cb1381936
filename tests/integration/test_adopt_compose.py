"""`adopt` on Compose files as people write them, each given to Docker Compose."""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from checkouts import Checkout, declaration, free_ports
from commandline import state
from readers import compose_program, needs_compose


CORPUS = Path(__file__).parents[1] / "projects" / "compose"
STACKS = sorted(path.name for path in CORPUS.iterdir() if path.is_dir())
TOKEN = re.compile(r"\$\{([A-Z][A-Z0-9_]*):\?run portconf init\}")
# Where YAML takes no variable without quotes: between brackets, in plain text.
QUOTED = {"flow-style", "json"}

pytestmark = needs_compose


@dataclass(frozen=True, order=True)
class Port:
    """What Compose would publish."""

    service: str
    target: int
    protocol: str
    host_ip: str
    mode: str
    published: str

    @property
    def inner(self) -> tuple[object, ...]:
        """What no adoption may change."""
        return (self.service, self.target, self.protocol, self.host_ip, self.mode)


def config(folder: Path) -> list[Port]:
    """Return what Docker Compose publishes, with the env files that are there."""
    program = compose_program()
    assert program
    files = [each for each in (".env", ".env.compose") if (folder / each).exists()]
    done = subprocess.run(
        [
            *(program, "--profile", "*"),
            *(word for each in files for word in ("--env-file", each)),
            *("config", "--format", "json"),
        ],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [
        Port(
            service=name,
            target=each["target"],
            protocol=each["protocol"],
            host_ip=each.get("host_ip", ""),
            mode=each["mode"],
            published=each.get("published", ""),
        )
        for name, service in json.loads(done.stdout)["services"].items()
        for each in service.get("ports", ())
    ]


def copied(name: str, root: Path) -> Checkout:
    """Return a stack of the corpus as a project in a checkout, on free ports."""
    shutil.copytree(CORPUS / name, root, ignore=shutil.ignore_patterns("declared.toml"))
    if (root / "dotenv").exists():
        # A name that git does not ignore in this repository.
        (root / "dotenv").rename(root / ".env")
    made = Checkout(root)
    made.git("init", "-q", "-b", "main")
    made.declare(declaration(free_ports(20)).partition("services")[0])
    return made


def texts(root: Path) -> dict[str, bytes]:
    """Return the stack's own files; Compose's are those in YAML."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*.y*ml"))
    }


@pytest.mark.parametrize("name", STACKS)
def test_a_stack_keeps_every_byte_but_the_tokens(name, tmp_path):
    checkout = copied(name, tmp_path / "shop")
    before = texts(checkout.root)
    edits = checkout.run("adopt", "--json").data["edits"]

    done = checkout.run("adopt", "--write")

    assert done.code == 0, done.err
    for file, data in texts(checkout.root).items():
        text = data.decode()
        tokens = [each for each in edits if each["file"] == file]
        assert TOKEN.sub("", text).count("${") == text.count("${") - len(tokens)
        for each in tokens:
            text = text.replace(each["after"], each["before"], 1)
        if name in QUOTED:
            assert text.replace('"', "") == before[file].decode().replace('"', "")
        else:
            assert text.encode() == before[file]


@pytest.mark.parametrize("name", STACKS)
def test_compose_publishes_the_effective_ports_and_changes_nothing_else(name, tmp_path):
    checkout = copied(name, tmp_path / "shop")
    before = config(checkout.root)

    done = checkout.run("adopt", "--write", "--json").data
    checkout.init()

    after = config(checkout.root)
    assert [each.inner for each in after] == [each.inner for each in before]
    pairs = list(zip(before, after, strict=True))
    moved = {new.published for old, new in pairs if new.published != old.published}
    given = checkout.run("export", "--format", "json", "--json").data["variables"]
    ours = {each["variable"] for each in done["services"]}
    assert moved == {given[variable] for variable in ours}
    # Nothing stays as it was in silence.
    same = [old for old, new in pairs if new.published == old.published]
    assert bool(same) <= bool(done["unread"])


@pytest.mark.parametrize("name", STACKS)
def test_what_is_declared_of_a_stack(name, tmp_path):
    checkout = copied(name, tmp_path / "shop")
    (checkout.root / "pyproject.toml").unlink()

    checkout.run("adopt", "--write")

    declared = (checkout.root / "pyproject.toml").read_text()
    assert declared == (CORPUS / name / "declared.toml").read_text()


@pytest.mark.parametrize("name", STACKS)
def test_a_second_adoption_of_a_stack_changes_nothing(name, tmp_path):
    checkout = copied(name, tmp_path / "shop")
    checkout.run("adopt", "--write")
    before = state(checkout.root)

    again = checkout.run("adopt", "--write")

    assert "nothing to adopt in" in again.err
    assert state(checkout.root) == before


@pytest.mark.parametrize("name", STACKS)
def test_an_adoption_that_was_cut_short_is_finished_by_the_next(name, tmp_path):
    checkout = copied(name, tmp_path / "shop")
    before = state(checkout.root)
    checkout.run("adopt", "--write")
    wanted = {file: data for file, (_, data) in state(checkout.root).items()}
    for file in before.keys() - {"pyproject.toml"}:
        (checkout.root / file).write_bytes(before[file][1])

    checkout.run("adopt", "--write")

    assert {k: data for k, (_, data) in state(checkout.root).items()} == wanted


def test_another_worktree_publishes_its_own_ports(tmp_path):
    checkout = copied("voting-app", tmp_path / "shop")
    checkout.run("adopt", "--write")
    checkout.init("--gitignore")
    checkout.git("add", "-A")
    checkout.git("commit", "-qm", "ports")
    other = checkout.worktree("../shop-fix")

    other.init()

    mine, theirs = (
        {
            each.service: int(each.published)
            for each in config(each.root)
            if each.target == 80
        }
        for each in (checkout, other)
    )
    assert mine == {
        n: checkout.ports()[f"{n.upper()}_PORT"] for n in ("vote", "result")
    }
    assert theirs == {n: other.ports()[f"{n.upper()}_PORT"] for n in ("vote", "result")}
    assert set(mine.values()).isdisjoint(theirs.values())


def test_compose_says_what_to_run_where_there_are_no_ports_yet(tmp_path):
    checkout = copied("flask-redis", tmp_path / "shop")

    checkout.run("adopt", "--write")

    program = compose_program()
    assert program
    done = subprocess.run(
        [program, "config"],
        cwd=checkout.root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "run portconf init" in done.stderr


if __name__ == "__main__":
    # Write what is declared of each stack, to be looked at.
    from tempfile import TemporaryDirectory

    for each in STACKS:
        with TemporaryDirectory() as folder:
            made = copied(each, Path(folder, "shop"))
            (made.root / "pyproject.toml").unlink()
            made.run("adopt", "--write")
            text = (made.root / "pyproject.toml").read_text()
            (CORPUS / each / "declared.toml").write_text(text)

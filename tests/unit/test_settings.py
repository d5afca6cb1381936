import re
from typing import Any

import pytest

from portconf.keys import keys_of
from portconf.kinds import Problem
from portconf.model import PortRange, Service
from portconf.settings import Guard, Isolate, Pytest, Settings


def test_the_defaults_are_those_of_the_design():
    settings = Settings()

    assert settings.base_port == 4000
    assert settings.last_port == 32767
    assert settings.instance_range == PortRange(first=20000, last=29999)
    assert settings.block_size == 100
    assert settings.assignments == "config/port_assignments.json"
    assert settings.dotenv == ".env"
    assert settings.compose_env == ".env.compose"
    assert settings.shell_exports == "port_exports.sh"
    assert settings.guard is Guard.ERROR
    assert settings.tests == Pytest(isolate=Isolate.WORKER, guard=None)


def test_a_service_is_found_by_its_name():
    web = Service(name="web")
    settings = Settings(services=(Service(name="db"), web))

    assert settings.service("web") is web
    assert settings.service("nope") is None


@pytest.mark.parametrize(
    "key", ["assignments", "dotenv", "compose-env", "shell-exports"]
)
@pytest.mark.parametrize(
    "path",
    ["x", "a/b/c.json", ".env.local", "..env", "a..b", ".github/x", ".gitx", "ä b"],
)
def test_a_path_inside_the_project_is_taken(key, path):
    kind = keys_of(Settings)[key].kind

    assert kind.read(path) == path
    assert re.search(_pattern(kind.schema()), path)


@pytest.mark.parametrize(
    "key", ["assignments", "dotenv", "compose-env", "shell-exports"]
)
@pytest.mark.parametrize(
    "path",
    [
        *("", "/x", "../x", "a/../x", "a/..", ".", "./x", "a//b", "a/", "a\\b", "x\ny"),
        *(".git", ".git/hooks/pre-commit", "sub/.GIT/config", "a\0b", "x" * 256, True),
    ],
)
def test_a_path_that_leads_out_or_into_git_is_refused(key, path):
    with pytest.raises(Problem, match=r"path inside the project|at most 255"):
        keys_of(Settings)[key].kind.read(path)


@pytest.mark.parametrize("key", ["dotenv", "compose-env", "shell-exports"])
def test_a_generated_file_can_be_done_without(key):
    assert keys_of(Settings)[key].kind.read(value=False) is None


def test_the_plan_cannot_be_done_without():
    with pytest.raises(Problem, match="got False"):
        keys_of(Settings)["assignments"].kind.read(value=False)


def _pattern(schema: dict[str, Any]) -> str:
    return str(schema.get("pattern") or schema["anyOf"][0]["pattern"])

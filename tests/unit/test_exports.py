import pytest

from portconf.errors import ConfigError, FileConflictError
from portconf.exports import HEADER, Target, content, targets
from portconf.settings import Settings


VARIABLES = {"WEB_PORT": "4000", "NOTE": "two words"}
DOTENV = Target(key="dotenv", name=".env")
COMPOSE = Target(key="compose-env", name=".env.compose")
SHELL = Target(key="shell-exports", name="port_exports.sh")
OURS = HEADER.encode()
# What another checkout's script may have left in the shell.
OF_COMPOSE = b'[ "${PORTCONF_INSTANCE:-0}" = 0 ] || unset COMPOSE_PROJECT_NAME\n'
LEFT = OF_COMPOSE.replace(b"\n", b"; unset PORTCONF_RUN;\n")


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        (Settings(), [".env", ".env.compose", "port_exports.sh"]),
        (Settings(compose_env=None, dotenv="a/.env"), ["a/.env", "port_exports.sh"]),
        (Settings(dotenv=None, compose_env=None, shell_exports=None), []),
    ],
)
def test_the_targets_are_the_files_that_are_wanted(settings, names):
    assert [each.name for each in targets(settings)] == names


def test_the_env_file_of_the_user_gets_a_section():
    found = content(DOTENV, b"SECRET=1\n", VARIABLES)

    assert found.startswith(b"SECRET=1\n# >>> portconf >>>\n")
    assert b"\nWEB_PORT=4000\nNOTE='two words'\n" in found


@pytest.mark.parametrize(
    ("target", "body"),
    [
        (COMPOSE, b"WEB_PORT=4000\nNOTE='two words'\n"),
        (SHELL, LEFT + b"export WEB_PORT=4000\nexport NOTE='two words'\n"),
    ],
)
@pytest.mark.parametrize(
    "old",
    [
        None,
        OURS,
        OURS + b"export WEB_PORT=1\n",
        OURS + LEFT + b"export WEB_PORT=1\n",
    ],
)
def test_a_file_of_ours_is_written_whole_under_our_header(target, body, old):
    assert content(target, old, VARIABLES) == OURS + body


@pytest.mark.parametrize("target", [COMPOSE, SHELL])
@pytest.mark.parametrize("old", [b"", b"mine\n", b"\n" + OURS])
def test_a_file_without_our_header_is_not_overwritten(target, old):
    with pytest.raises(
        FileConflictError, match="was not written by portconf"
    ) as caught:
        content(target, old, VARIABLES)

    assert caught.value.path == target.name
    assert content(target, old, VARIABLES, force=True) == content(
        target, None, VARIABLES
    )


def test_the_script_unsets_what_any_earlier_one_exported():
    first = content(SHELL, None, {"A_PORT": "1", "B_PORT": "2", "C_PORT": "3"})
    second = content(SHELL, first, {"B_PORT": "2"})
    third = content(SHELL, second, {"B_PORT": "2", "C_PORT": "3"})

    head = OURS + LEFT
    assert second == head + b"export B_PORT=2\nunset A_PORT\nunset C_PORT\n"
    assert third == head + b"export B_PORT=2\nexport C_PORT=3\nunset A_PORT\n"


@pytest.mark.parametrize("left", [b"", OF_COMPOSE])
def test_a_script_of_an_earlier_version_is_read_too(left):
    old = OURS + left + b"export A_PORT=1\nexport B_PORT=2\nunset C_PORT\n"

    found = content(SHELL, old, {"B_PORT": "2"})

    assert found == OURS + LEFT + b"export B_PORT=2\nunset A_PORT\nunset C_PORT\n"


def test_a_compose_project_of_one_s_own_is_set_after_another_s_is_unset():
    first = content(SHELL, None, {"COMPOSE_PROJECT_NAME": "shop-1"})
    second = content(SHELL, first, {"WEB_PORT": "1"})

    assert first == OURS + LEFT + b"export COMPOSE_PROJECT_NAME=shop-1\n"
    assert second == OURS + LEFT + b"export WEB_PORT=1\nunset COMPOSE_PROJECT_NAME\n"


def test_a_line_inside_a_value_is_not_taken_for_an_export():
    variables = {"PORTCONF_ROOT": "/home/you/x\nexport PATH"}

    first = content(SHELL, None, variables)

    assert content(SHELL, first, variables) == first


def test_a_script_whose_quoting_somebody_broke_is_written_anew():
    old = OURS + b"export A_PORT='1\n"

    assert content(SHELL, old, VARIABLES) == content(SHELL, None, VARIABLES)


def test_a_file_that_is_replaced_by_force_unsets_nothing():
    found = content(SHELL, b"export A=1\n", VARIABLES, force=True)

    assert found == content(SHELL, None, VARIABLES)
    assert b"unset" not in found.replace(LEFT, b"")


@pytest.mark.parametrize(
    ("old", "reason"),
    [
        (b"WEB_PORT=1\n", ".env sets WEB_PORT outside portconf's section, at line 1"),
        (b"\xff\xfeA\0", ".env is UTF-16"),
    ],
)
def test_a_problem_of_the_users_file_names_the_file(old, reason):
    with pytest.raises(FileConflictError) as caught:
        content(DOTENV, old, VARIABLES)

    assert str(caught.value).startswith(reason)
    assert (caught.value.path, caught.value.exit_code) == (".env", 4)


@pytest.mark.parametrize("target", [DOTENV, COMPOSE])
def test_a_value_that_env_files_cannot_carry_is_refused_by_its_name(target):
    with pytest.raises(
        ConfigError, match=f"^PORTCONF_ROOT .* to {target.name}: "
    ) as it:
        content(target, None, {"WEB_PORT": "1", "PORTCONF_ROOT": "/home/you/it's"})

    assert it.value.exit_code == 2


def test_a_path_that_is_no_text_reaches_the_script_as_its_bytes():
    variables = {"PORTCONF_ROOT": "/home/you/caf\udce9"}

    assert b"PORTCONF_ROOT='/home/you/caf\xe9'\n" in content(SHELL, None, variables)

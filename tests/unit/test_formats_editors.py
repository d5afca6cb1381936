"""What is put into the files of editors that are the user's."""

import json
import time

import pytest
import views

from portconf import rendering
from portconf.errors import ConfigError
from portconf.formats import devcontainer, vscode
from portconf.model import Protocol, Service
from portconf.settings import Settings


WEB = views.endpoint("web", 4000, purpose='Shop "front" \u2603', scheme="https")
DB = views.endpoint("db", 4001)
DNS = views.endpoint("dns", 4002, protocol=Protocol.UDP)
MAIL = views.endpoint("mail", 4003, shared=True)
CONTAINER = ".devcontainer/devcontainer.json"
ROOT = ".devcontainer.json"
NEW = """\
// An image, a Dockerfile or a Compose file has to be named here, too.
{
  "forwardPorts": [
    // >>> portconf >>>
    // written by 'portconf export'; change pyproject.toml instead
    4000,
    4001
    // <<< portconf <<<
  ],
  "portsAttributes": {
    // >>> portconf >>>
    // written by 'portconf export'; change pyproject.toml instead
    "4000": {"label": "web: Shop \\"front\\" \u2603", "protocol": "https"},
    "4001": {"label": "db"}
    // <<< portconf <<<
  }
}
"""


def rendered(name: str, *endpoints, present=None, **fields) -> dict[str, str]:
    declared = Settings(services=tuple(Service(name=each.name) for each in endpoints))
    found = {"settings": declared, **fields}
    given = views.view(*endpoints, present=present or {}, **found)
    return rendering.rendered(name, given)


def test_a_dev_container_forwards_what_can_be_forwarded():
    # Not UDP; nor what runs in no container of this checkout.
    assert rendered("devcontainer", WEB, DB, DNS, MAIL) == {CONTAINER: NEW}


def test_a_service_that_has_left_the_declaration_is_not_forwarded():
    gone = Settings(services=(Service(name="web"),))

    (text,) = rendered("devcontainer", WEB, DB, settings=gone).values()

    assert "4000" in text
    assert "4001" not in text


@pytest.mark.parametrize(
    ("present", "edited"),
    [
        ({CONTAINER: '{"image": "x"}', ROOT: "{}"}, CONTAINER),
        ({ROOT: '{"image": "x"}'}, ROOT),
    ],
)
def test_the_file_that_is_there_is_edited(present, edited):
    ((name, text),) = rendered("devcontainer", DB, present=present).items()

    assert name == edited
    assert text.startswith('{"image": "x",')


def test_a_port_and_a_label_of_the_user_s_stay_and_are_not_doubled():
    mine = '{"forwardPorts": [4001, "db:5432"], "portsAttributes": {"4000": {"label": "x"}}}'

    text = devcontainer.edited(mine, [WEB, DB])

    assert text.count("4000") == 2
    assert text.count("4001") == 2
    assert '"label": "x"' in text


def test_after_a_move_no_old_port_is_left():
    moved = [views.endpoint("web", 20100), views.endpoint("db", 20101)]

    text = devcontainer.edited(NEW, moved)

    assert "4000" not in text
    assert "4001" not in text
    assert devcontainer.edited(text, [WEB, DB]) == NEW


def test_no_services_are_no_change():
    assert devcontainer.edited('{"image": "x"}', []) == '{"image": "x"}'


def test_a_purpose_that_would_be_expanded_is_refused():
    web = views.endpoint("web", 4000, purpose="the ${localEnv:HOME} page")

    with pytest.raises(ConfigError, match="the purpose of 'web' holds '\\$\\{'"):
        rendered("devcontainer", web)


def test_a_broken_file_is_refused_with_its_name_and_line():
    with pytest.raises(ConfigError) as caught:
        rendered("devcontainer", WEB, present={CONTAINER: '{\n"image" "x"}'})

    assert caught.value.message == (
        "the format devcontainer cannot be written: .devcontainer/devcontainer.json"
        " is broken at line 2: expected ':', got '\"x\"'"
    )


VARIABLES = {"WEB_PORT": "4000", "URL": 'a"b\\c'}


def test_terminals_of_every_system_get_the_variables():
    (text,) = rendered("vscode", variables=VARIABLES).values()

    plain = "".join(x for x in text.splitlines() if not x.strip().startswith("//"))
    assert json.loads(plain) == {
        f"terminal.integrated.env.{system}": VARIABLES
        for system in ("linux", "osx", "windows")
    }


def test_settings_keep_what_is_the_user_s_and_lose_what_is_gone():
    mine = '{\n\t// mine\n\t"terminal.integrated.env.linux": {"A": "1"},\n}\n'
    before = vscode.settings(mine, {**VARIABLES, "GONE": "1"})

    after = vscode.settings(before, VARIABLES)

    assert '"A": "1"}' in after
    assert "// mine" in after
    assert "GONE" in before
    assert "GONE" not in after
    assert vscode.settings(after, VARIABLES) == after


def test_a_variable_of_ours_elsewhere_is_refused_with_its_line():
    mine = '{\n"terminal.integrated.env.osx": {\n"WEB_PORT": "1"}}'

    with pytest.raises(ConfigError) as caught:
        rendered("vscode", variables=VARIABLES, present={".vscode/settings.json": mine})

    assert caught.value.message == (
        "the format vscode cannot be written: .vscode/settings.json sets WEB_PORT"
        " outside portconf's section, at line 3"
    )


def test_a_value_that_would_be_expanded_is_refused_by_name():
    with pytest.raises(ConfigError, match=r"^PORTCONF_ROOT cannot be written"):
        rendered("vscode", variables={"PORTCONF_ROOT": "/home/${workspaceFolder}"})


LAUNCH = """\
{
    // mine
    "configurations": [
        {
            "type": "debugpy",
            "request": "launch", // here
        },
        {"type": "node", "request": "launch"},
        {"type": "debugpy", "request": "attach"},
        {"type": "chrome", "request": "launch"},
        {"type": "go", "request": "launch", "envFile": "mine.env"}
    ]
}
"""


def test_a_debugger_reads_the_env_file_unless_it_has_another():
    present = {".vscode/launch.json": LAUNCH}

    text = rendered("vscode", present=present)[".vscode/launch.json"]

    path = '"envFile": "${workspaceFolder}/.env"'
    wanted = LAUNCH.replace("// here\n", f"// here\n            {path}\n")
    assert text == wanted.replace(
        '"node", "request": "launch"', f'"node", "request": "launch", {path}'
    )
    assert vscode.launch(text, ".env") == text


@pytest.mark.parametrize(
    ("root", "folder", "path"),
    [
        ("/home/you/shop", "", ".env"),
        ("/home/you/shop", "/home/you/shop", ".env"),
        ("/home/you/mono/services/shop", "/home/you/mono", "services/shop/.env"),
        ("/home/you/shop", "/", "home/you/shop/.env"),
    ],
)
def test_the_env_file_is_named_from_the_folder_that_is_opened(root, folder, path):
    present = {".vscode/launch.json": LAUNCH}

    text = rendered(
        "vscode", present=present, site=views.site(root=root), folder=folder
    )[".vscode/launch.json"]

    assert text.count(f'"envFile": "${{workspaceFolder}}/{path}"') == 2


@pytest.mark.parametrize("folder", ["/home/you/shop/out", "/home/you/sho", "/srv"])
def test_an_env_file_that_is_not_below_the_opened_folder_is_refused(folder):
    present = {".vscode/launch.json": LAUNCH}

    with pytest.raises(ConfigError) as caught:
        rendered("vscode", present=present, folder=folder)

    assert caught.value.message == (
        f"the format vscode cannot be written: .vscode/launch.json is of {folder!r}, and"
        " the project's env file does not lie below that: name '/home/you/shop' or a"
        " folder above it as the output"
    )


def test_many_configurations_are_edited_at_once():
    one = '{"type": "debugpy", "request": "launch", "name": "x", "args": ["a", "b"]}'
    text = f'{{"configurations": [\n{f"{chr(10)}, ".join([one] * 3000)}]}}'

    start = time.process_time()
    found = vscode.launch(text, ".env")

    # To read it once for each would take minutes.
    assert time.process_time() - start < 30  # an end, no speed
    assert found.count("envFile") == 3000


def test_without_an_env_file_nothing_names_one():
    present = {".vscode/launch.json": LAUNCH}
    settings = Settings(dotenv=None)

    assert list(rendered("vscode", present=present, settings=settings)) == [
        ".vscode/settings.json"
    ]


def test_an_env_file_whose_name_would_be_expanded_is_refused():
    present = {".vscode/launch.json": LAUNCH}
    settings = Settings(dotenv="${HOME}.env")

    with pytest.raises(ConfigError, match="would put variables into"):
        rendered("vscode", present=present, settings=settings)


def test_a_launch_file_without_configurations_stays():
    assert vscode.launch("{}", ".env") == "{}"

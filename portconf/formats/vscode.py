"""VS Code: the variables in the terminals' settings, `envFile` in `launch.json`."""

import json

from portconf.jsonc.document import Document
from portconf.jsonc.tree import Node
from portconf.kinds import Problem, shown


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from portconf.views import View


SETTINGS = ".vscode/settings.json"
LAUNCH = ".vscode/launch.json"
# The window may be on one system and the terminal on another: each has its key.
_SYSTEMS = ("linux", "osx", "windows")
# The debuggers that read a file of variables, by the `type` of a configuration.
_DEBUGGERS = frozenset(
    {"debugpy", "python", "node", "pwa-node", "go", "java", "cppdbg"}
)


def render(view: "View") -> "Mapping[str, str]":
    """
    Return the settings, and `launch.json` where there is one.

    In the settings the variables stand in a section of ours. In `launch.json` each
    configuration that starts a program, and names no file of variables, names the env
    file of the project, which lies in the opened folder or below it.
    """
    for name, value in view.variables.items():
        if "${" in value:  # VS Code puts its own variables in, and has no escape
            raise ValueError(name)
    found = {}
    try:
        name = SETTINGS
        found[name] = settings(view.present.get(name, ""), view.variables)
        name = LAUNCH
        if view.settings.dotenv and name in view.present:
            found[name] = launch(view.present[name], _env_file(view))
    except Problem as problem:
        raise ValueError(f"{name} {problem}") from problem
    return found


def settings(text: str, variables: "Mapping[str, str]") -> str:
    """
    Return a `settings.json` with the variables of its terminals.

    Raises:
        Problem: If it cannot be edited. It completes "FILE ...".
    """
    document = Document.parse(text)
    items = [
        f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}"
        for name, value in variables.items()
    ]
    for system in _SYSTEMS:
        key = f"terminal.integrated.env.{system}"
        for each in document.theirs(key, "{"):
            if each.key in variables:
                raise Problem(
                    f"sets {each.key} outside portconf's section, at line"
                    f" {document.line(each)}"
                )
        document = document.with_section(key, "{", items)
    return document.text


def launch(text: str, dotenv: str) -> str:
    """
    Return a `launch.json` whose configurations read an env file.

    Args:
        text: What it holds now.
        dotenv: The env file, from the folder that is opened, with '/'.

    Raises:
        Problem: If it cannot be edited, or the file's name cannot be carried. It
            completes "FILE ...".
    """
    if "${" in dotenv:
        raise Problem(f"would put variables into {dotenv!r}, the name of the env file")
    path = json.dumps(f"${{workspaceFolder}}/{dotenv}", ensure_ascii=False)
    document = Document.parse(text)
    lacking = [each for each in _configurations(document) if _lacks(each)]
    return document.with_items(lacking, f'"envFile": {path}').text


def _configurations(document: Document) -> list[Node]:
    node = document.find("configurations", "[")
    return (
        [x.node for x in node.items() if x.node and x.node.kind == "{"] if node else []
    )


def _lacks(configuration: Node) -> bool:
    """Tell whether it starts a program and names no file of variables."""
    told = {each.key: each.node.value for each in configuration.items() if each.node}
    starts = told.get("type") in _DEBUGGERS and told.get("request") == "launch"
    return starts and "envFile" not in told


def _env_file(view: "View") -> str:
    """Return the path of the env file from the folder that is opened."""
    root, folder = view.site.root, view.folder or view.site.root
    path, above = f"{root}/{view.settings.dotenv}", f"{folder.rstrip('/')}/"
    if not path.startswith(above):
        raise Problem(
            f"is of {shown(folder)}, and the project's env file does not lie below that:"
            f" name {shown(root)} or a folder above it as the output"
        )
    return path.removeprefix(above)

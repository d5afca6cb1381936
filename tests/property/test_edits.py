import tomllib
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings, strategies as st

from portconf.edits import add, remove
from portconf.errors import ConfigError


NAMES = ["web", "db", "a.b", "mq-2", "x_y"]
TABLES = [
    "# top\n",
    "\n",
    "# about ruff\n[tool.ruff] # odd   spacing\nline-length=88\n",
    "[project]\nname = 'shop'   # ours\ndependencies = [\n  'a', # a\n  'b',]\n\n",
    "[[tool.other]]\nx = 1\n[[tool.other]]\nservices = ['web']\n# last of other\n",
]
VALUES = ["''", "'Main' # first", "{}", "{ env = 'X' } # own", '{purpose="x",port=9}']
KEYS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "purpose": st.text(st.characters(exclude_categories=["C"]), max_size=5),
        "port": st.integers(1, 65535),
        "shared": st.booleans(),
    },
)


@st.composite
def declarations(draw: st.DrawFn) -> str:
    """Return the part of a file that declares some of the services, or none."""
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=3))
    values = [draw(st.sampled_from(VALUES)) for _ in names]
    pairs = [(f'"{name}"', value) for name, value in zip(names, values, strict=True)]
    plain = [f"{name} = {value.partition(' #')[0]}" for name, value in pairs]
    lines = draw(st.sampled_from(["", "# last\n", "\n", "\n# last\n\n"]))
    forms = {
        "table": "[tool.portconf.services]\n"
        + "".join(f"# about {name}\n{name} = {value}\n" for name, value in pairs),
        "list": f"[tool.portconf]\nservices = [{', '.join(name for name, _ in pairs)}]\n",
        "long list": "[tool.portconf]\nservices = [\n"
        + "".join(f"  {name}, # it\n" for name, _ in pairs)
        + "]\n",
        "inline": f"[tool.portconf]\nservices = {{ {', '.join(plain)} }} # all\n",
        "dotted": "[tool.portconf]\n"
        + "".join(f"services.{name} = {value}\n" for name, value in pairs),
        "sub-tables": "".join(
            f"# about {name}\n[tool.portconf.services.{name}] # it\nenv = 'E{index}'\n"
            for index, (name, _) in enumerate(pairs)
        ),
        "none": "",
    }
    return draw(st.sampled_from([*forms.values()])) + lines


@st.composite
def files(draw: st.DrawFn) -> str:
    """Return a whole file: the declaration amid other tables, in any line ends."""
    tables = draw(st.lists(st.sampled_from(TABLES), unique=True))
    place = draw(st.integers(0, len(tables)))
    text = "".join([*tables[:place], draw(declarations()), *tables[place:]])
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    mark = draw(st.sampled_from(["", "\ufeff"]))
    return mark + (text if draw(st.booleans()) else text.rstrip()).replace(
        "\n", newline
    )


def others(text: str) -> list[str]:
    """Return the lines of the other tables, and every line that is a comment."""
    known = {line for table in TABLES for line in table.splitlines()} - {""}
    lines = text.removeprefix("\ufeff").splitlines()
    return [line for line in lines if line in known or line.startswith("#")]


def services(text: str) -> list[str]:
    document = tomllib.loads(text.removeprefix("\ufeff"))
    return [*document.get("tool", {}).get("portconf", {}).get("services", [])]


@settings(max_examples=80)
@given(text=files(), keys=KEYS)
def test_a_service_is_added_last_and_every_other_line_stays(text, keys):
    after = edited(add, text, "new", keys)

    if isinstance(after, ConfigError):
        assert "is a list, which has no place for" in str(after)
        return
    assert services(after) == [*services(text), "new"]
    assert others(after) == others(text)
    assert after.startswith("\ufeff") == text.startswith("\ufeff")
    assert "\n" not in text or ("\r\n" in after) == ("\r\n" in text)


@settings(max_examples=80)
@given(text=files(), choice=st.integers(0, 5))
def test_a_service_is_removed_and_every_other_line_stays(text, choice):
    declared = services(text)
    if declared:
        name = declared.pop(choice % len(declared))

        after = remove(text, name)

        assert services(after) == declared
        assert others(after) == others(text)


@given(text=files())
def test_what_was_added_can_be_removed_or_is_left_to_the_user(text):
    after = edited(remove, add(text, "new", {}), "new")

    if isinstance(after, ConfigError):
        assert "does not let portconf take 'new' out" in str(after)
        assert "services." in text
        return
    assert services(after) == services(text)
    assert others(after) == others(text)


def edited(edit: Callable[..., str], *words: Any) -> str | ConfigError:
    try:
        return edit(*words)
    except ConfigError as error:
        return error

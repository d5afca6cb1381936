"""The ports that Python source reads from the environment."""

import ast
import warnings
from dataclasses import dataclass, field

from portconf.adopt import hosts
from portconf.adopt.values import Found, Mention, Note, names_a_port, port_in
from portconf.compose.values import Unread


# os.getenv, getenv; environ.get and its like; environs' and django-environ's env.int;
# decouple's config.
_FUNCTIONS = frozenset({"getenv", "env", "config"})
_METHODS = frozenset({"get", "int", "str", "setdefault", "pop", "integer"})
_READERS = frozenset({"environ", "env"})
_CASTS = frozenset({"int", "str"})


@dataclass(slots=True, kw_only=True)
class _Reader:
    """What was found so far in one file."""

    file: str
    mentions: list[Mention] = field(default_factory=list)
    hosts: dict[str, bool] = field(default_factory=dict)
    foreign: dict[str, str] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)

    def take(self, line: int, name: str, default: ast.expr | None) -> None:
        """Take one reading of a variable."""
        value = _constant(default)
        number = port_in(value or "")
        if value and number is None:
            here = hosts.local(name, value)
            if here is not None:
                self.hosts.setdefault(name, here)
        if not names_a_port(name):
            if port := hosts.port_beside(value or ""):
                text = (
                    f"the default of {name} has the port {port} in it; write {name} as a"
                    " template in [tool.portconf.env]"
                )
                self.notes.append(Note(file=self.file, line=line, text=text))
            return
        if value and number is None:
            # Not the value: it may be a secret.
            self.foreign[name] = f"the default of {name} is not only a port"
        self.mentions.append(
            Mention(file=self.file, line=line, variable=name, number=number)
        )

    def fixed(self, line: int, name: str, value: ast.expr) -> None:
        """Take an assignment of a bare number."""
        number = port_in(_constant(value) or "")
        if name.isupper() and names_a_port(name) and number:
            text = f"{name} is the number {number}; read it from the environment"
            self.notes.append(Note(file=self.file, line=line, text=text))


def read(file: str, source: bytes) -> Found:
    """
    Return which variables a file of Python reads ports from; nothing of it is run.

    Args:
        file: Its name, for messages.
        source: Its content, in the encoding that it declares.
    """
    found = _Reader(file=file)
    try:
        with warnings.catch_warnings():
            # An odd escape in somebody's text is no affair of ours.
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
        for node in ast.walk(tree):
            _look(node, found)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None) or 1
        reason = getattr(error, "msg", None) or str(error) or "it is nested too deeply"
        wrong = Unread(file=file, line=line, reason=f"is not Python: {reason}")
        return Found(unread=(wrong,))
    found.mentions.sort(key=lambda each: each.line)
    return Found(
        mentions=tuple(found.mentions),
        hosts=found.hosts,
        foreign=found.foreign,
        notes=tuple(found.notes),
    )


def _look(node: ast.AST, found: _Reader) -> None:
    match node:
        case ast.Call(func=function, args=[ast.Constant(value=str(name)), *rest]):
            if _reads(function):
                named = (k.value for k in node.keywords if k.arg == "default")
                default = rest[0] if rest else next(named, None)
                found.take(node.lineno, name, default)
        case ast.Subscript(value=whole, slice=ast.Constant(value=str(name))):
            if _last(whole) == "environ" and isinstance(node.ctx, ast.Load):
                found.take(node.lineno, name, None)
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            found.fixed(node.lineno, name, value)
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            found.fixed(node.lineno, name, value)
        case _:
            pass


def _reads(function: ast.expr) -> bool:
    """Tell whether a function reads the environment."""
    match function:
        case ast.Name(id=name):
            return name in _FUNCTIONS
        case ast.Attribute(attr="getenv"):
            return True
        case ast.Attribute(value=whole, attr=name):
            return name in _METHODS and _last(whole) in _READERS
        case _:
            return False


def _last(node: ast.expr) -> str:
    """Return the last part of a dotted name."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def _constant(node: ast.expr | None) -> str | None:
    """Return a constant as a text, also where it is cast."""
    match node:
        case ast.Constant(value=str() | int() as value) if not isinstance(value, bool):
            return str(value)
        case ast.Call(func=ast.Name(id=name), args=[inner]) if name in _CASTS:
            return _constant(inner)
        case _:
            return None

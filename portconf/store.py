"""The plan in its committed file, `config/port_assignments.json`, format 1."""

import json
import re
from collections import Counter
from typing import Any

from portconf import files
from portconf.errors import StoreFormatError
from portconf.folder import File
from portconf.kinds import Problem, shown
from portconf.model import Assignment, Plan
from portconf.names import name_problem


FORMAT = 1
_REPAIR = "restore it, for example with 'git checkout -- {}', or mend it by hand"
_KEYS = ("format", "base_port", "next_port", "services")


def read(file: File, *, merged: bool = False) -> Plan | None:
    """
    Return the plan that is kept, or None where there is no file.

    Args:
        file: The assignments file.
        merged: Accept two services on one port, which a git merge can leave and
            `portconf.plan.extend` mends.

    Raises:
        StoreFormatError: If the file is not a plan of this format, or two services
            share a port and ``merged`` is false.
        StoreError: If it cannot be read, or leads out of the checkout.
    """
    data = files.read(file)
    if data is None:
        return None
    plan = _known(data, file.name)
    duplicates = plan.duplicates()
    if duplicates and not merged:
        port, names = next(iter(duplicates.items()))
        raise StoreFormatError(
            f"{file.name}: port {port} is assigned to both {names[0]!r}"
            f" and {names[1]!r}",
            path=file.name,
            hint="run 'portconf init': the service declared first keeps the port",
        )
    return plan


_last: tuple[bytes, Plan] | None = None


def _known(data: bytes, name: str) -> Plan:
    """Parse the content, unless it is what was last read or written here."""
    global _last  # noqa: PLW0603 - one tuple, replaced whole: threads see old or new
    last = _last
    if last is None or last[0] != data:
        last = _last = (data, parse(data, name=name))
    return last[1]


def write(file: File, plan: Plan) -> None:
    """
    Replace the file by ``plan``, durably; the caller holds the lock.

    Raises:
        StoreError: If it cannot be written; the old content is then in place.
    """
    global _last  # noqa: PLW0603 - one tuple, replaced whole: threads see old or new
    data = render(plan)
    files.replace(file, data)
    _last = (data, plan)


def render(plan: Plan) -> bytes:
    """Return the file's content: services in port order, two spaces, a newline."""
    # json.dumps gives the same text, but indents in Python: ten times slower.
    quote = json.encoder.encode_basestring
    services = ",".join(
        f"\n    {quote(name)}: {{"
        f'\n      "port": {each.port},'
        f'\n      "purpose": {quote(each.purpose)}'
        "\n    }"
        for name, each in plan.services.items()
    )
    head = f'{{\n  "format": {FORMAT},\n  "base_port": {plan.base_port},'
    head += f'\n  "next_port": {plan.next_port},\n  "services": {{{services}'
    tail = "\n  }" if services else "}"
    if plan.released:
        tail += f',\n  "released": {json.dumps(plan.released, indent=4)[:-1]}  ]'
    return f"{head}{tail}\n}}\n".encode()


def parse(data: bytes, *, name: str) -> Plan:
    """
    Read the plan from the file's content.

    Args:
        data: The content.
        name: The file's name, for messages.

    Raises:
        StoreFormatError: If it is not UTF-8, not JSON, of another format, or breaks a
            rule of the format.
    """
    try:
        document = json.loads(data.decode("utf-8"), object_pairs_hook=_once)
        return _plan(document)
    except Problem as problem:
        raise _error(name, str(problem)) from None
    except UnicodeDecodeError as error:
        raise _error(name, f"is not UTF-8 at byte {error.start}") from error
    except RecursionError as error:
        raise _error(name, "is nested too deeply to be a plan") from error
    except ValueError as error:
        if re.search(rb"^(<<<<<<<|>>>>>>>)", data, re.MULTILINE):
            raise StoreFormatError(
                f"{name} holds the conflict markers of a git merge",
                path=name,
                hint="keep the services of both sides, then run 'portconf init'",
            ) from error
        raise _error(name, f"is not JSON: {error}") from error


def _error(name: str, reason: str) -> StoreFormatError:
    return StoreFormatError(f"{name} {reason}", path=name, hint=_REPAIR.format(name))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that stands twice, of which json would keep the last."""
    decoded = dict(pairs)
    if len(decoded) != len(pairs):
        counts = Counter(key for key, _ in pairs)
        twice, _ = counts.most_common(1)[0]
        raise Problem(f"names {shown(twice)} twice")
    return decoded


def _plan(document: Any) -> Plan:
    if not isinstance(document, dict):
        raise Problem(f"must hold an object, got {shown(document)}")
    _check_format(document.get("format"))
    missing = [key for key in _KEYS if key not in document]
    if missing:
        raise Problem(f"lacks the key {missing[0]!r}")
    unknown = [key for key in document if key not in (*_KEYS, "released")]
    if unknown:
        # Dropping what we do not know would lose it at the next write.
        raise Problem(f"has a key {shown(unknown[0])} that format {FORMAT} lacks")
    services = document["services"]
    if not isinstance(services, dict):
        raise Problem(f"must hold an object as 'services', got {shown(services)}")
    released = document.get("released", [])
    if not isinstance(released, list):
        raise Problem(f"must hold a list as 'released', got {shown(released)}")
    return Plan(
        base_port=_port(document["base_port"], "base_port"),
        next_port=_port(document["next_port"], "next_port", most=65536),
        services={name: _assignment(name, each) for name, each in services.items()},
        released=tuple(sorted({_port(port, "released") for port in released})),
    )


def _check_format(number: Any) -> None:
    if type(number) is not int or number < 1:
        raise Problem(f"must have an integer as 'format', got {shown(number)}")
    if number > FORMAT:
        raise Problem(
            f"has format {number}, and this portconf knows formats up to {FORMAT}:"
            " a newer portconf wrote it"
        )


def _assignment(name: str, raw: Any) -> Assignment:
    wrong = name_problem(name)
    if wrong:
        raise Problem(f"has a service whose {wrong}")
    if not isinstance(raw, dict) or raw.keys() != {"port", "purpose"}:
        raise Problem(
            f"must hold 'port' and 'purpose' for service {name!r}, got {shown(raw)}"
        )
    purpose = raw["purpose"]
    if not isinstance(purpose, str) or not (purpose.isascii() or _is_text(purpose)):
        raise Problem(
            f"must hold text as the purpose of {name!r}, got {shown(purpose)}"
        )
    return Assignment(port=_port(raw["port"], "port of", name), purpose=purpose)


def _is_text(purpose: str) -> bool:
    # JSON can spell half of a surrogate pair, which no file can hold.
    return not re.search(r"[\ud800-\udfff]", purpose)


def _port(value: Any, what: str, name: str = "", *, most: int = 65535) -> int:
    if type(value) is not int or not 1 <= value <= most:
        what += f" {name!r}" if name else ""
        raise Problem(
            f"must hold an integer from 1 to {most} as {what}, got {shown(value)}"
        )
    return value

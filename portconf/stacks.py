"""What is wrong with a project's Compose files, as they lie on disk."""

import os
from contextlib import suppress

from portconf import files
from portconf.compose import ENV, GENERATED, NAMES, resembles
from portconf.errors import PortconfError
from portconf.folder import Folder
from portconf.model import Plan
from portconf.reports import Checked
from portconf.settings import Settings


_SHOWN = 5


def check(folder: Folder, settings: Settings, plan: Plan) -> Checked:
    """
    Return where Compose files disagree with a declaration; without any: nothing.

    Args:
        folder: The project's folder.
        settings: The declaration.
        plan: What is kept.
    """
    named = _named_elsewhere(folder)
    if not any(os.path.lexists(os.path.join(folder.root, each)) for each in NAMES):
        return Checked(unchecked=named or _others(folder))
    from portconf.compose import findings, reading  # noqa: PLC0415 - YAML
    from portconf.originals import Texts  # noqa: PLC0415 - not without one

    stack = reading.read(Texts(folder))
    found = findings.of_stack(
        stack,
        settings,
        {name: each.port for name, each in plan.services.items()},
        overridden=files.read(folder.file(GENERATED)) is not None,
    )
    return Checked(
        findings=found, unchecked=(*named, *(str(each) for each in stack.unread))
    )


def _others(folder: Folder) -> tuple[str, ...]:
    """Return that there are Compose files, but none that Compose would find."""
    with suppress(OSError):
        found = [
            f"{name}: Compose does not read it by itself; let compose.yaml include it"
            for name in sorted(os.listdir(folder.root))
            if resembles(name)
        ]
        more = len(found) - _SHOWN
        rest = (f"{more} more such files",) if more > 0 else ()
        return (*found[:_SHOWN], *rest)
    return ()


def _named_elsewhere(folder: Folder) -> tuple[str, ...]:
    """Return that Compose reads other files than those it usually does."""
    from portconf.originals import read  # noqa: PLC0415 - `check` only

    with suppress(PortconfError):  # who writes into it has told what is wrong
        data = read(folder, ENV)
        if data and b"COMPOSE_FILE" in data:
            from portconf.compose import elsewhere  # noqa: PLC0415 - hardly ever

            return tuple(str(each) for each in elsewhere.named(data, ENV))
    return ()

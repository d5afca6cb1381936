"""The user's own files with variables for ports: Compose files and `.env`."""

import os
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from portconf import files, originals, sections
from portconf.adopt import compose_ports, envfile
from portconf.adopt.gathering import Gathered
from portconf.adopt.proposal import Adopted, Proposal
from portconf.adopt.values import Note
from portconf.compose import reading
from portconf.compose.replacing import replace as replaced
from portconf.compose.values import Spot, Stack, Unread
from portconf.errors import PortconfError
from portconf.folder import Folder
from portconf.kinds import Problem
from portconf.reports import FileChange
from portconf.settings import Settings


_BOM = b"\xef\xbb\xbf"
_DEMAND = "run portconf init"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A replaced token, or a line that was taken out, where ``after`` is None."""

    file: str
    line: int
    before: str
    after: str | None


@dataclass(slots=True, kw_only=True)
class Rewriting:
    """
    The changes of a project's files beside its declaration.

    Attributes:
        folder: The project's folder.
        settings: Its declaration as it was.
        found: What its files say.
        proposal: What is declared of that.
        edits: Gets each change inside of a file.
        unread: Gets what could not be changed.
        notes: Gets what a person may want to know of the changes.
    """

    folder: Folder
    settings: Settings
    found: Gathered
    proposal: Proposal
    edits: list[Edit] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def compose(self) -> tuple[FileChange, ...]:
        """Replace the tokens of Compose files."""
        wanted: dict[str, dict[Spot, str]] = {}
        for service in self.proposal.services:
            for mention in service.mentions:
                if mention.spot:
                    wanted.setdefault(mention.file, {})[mention.spot] = service.variable
            self._elsewhere(service)
        edited = {name: self._spliced(name, spots) for name, spots in wanted.items()}
        # Each file was compared by itself; this is what Compose makes of them all.
        texts = ChainMap(edited, self.found.texts)  # type: ignore[arg-type] # never set
        for first, before in self.found.stacks:
            self._beside(before)
            after = reading.read(texts, first)
            if _shape(after) != _shape(before):
                reason = (
                    "is left as it is: with variables Compose would read it otherwise"
                )
                self.unread += [Unread(file=n, line=1, reason=reason) for n in edited]
                self.edits.clear()
                return ()
        changes = (self._change(name, text) for name, text in edited.items())
        return tuple(each for each in changes if each.before != each.after)

    def _beside(self, stack: Stack) -> None:
        """Tell where Compose will not find the variables by itself."""
        name, env = (*stack.files, "")[0], self.settings.compose_env
        if "/" in name and self.edits and env:
            told = f"Compose looks for .env beside this file: give it --env-file {env}"
            self.notes.append(Note(file=name, line=1, text=told))

    def _spliced(self, name: str, spots: Mapping[Spot, str]) -> str:
        """Return a file's text with its tokens replaced, where that can be."""
        text = whole = self.found.texts[name]
        if not self.folder.holds(os.path.realpath(self.folder.file(name).path)):
            reason = "is left as it is: it belongs to another checkout"
            self.unread.append(Unread(file=name, line=1, reason=reason))
            return text
        done = []
        # From the end, so that the places before stay where they are.
        for spot in sorted(spots, key=lambda each: each.start, reverse=True):
            token = f"${{{spots[spot]}:?{_DEMAND}}}"
            old = whole[spot.start : spot.end]
            try:
                text = replaced(text, spot.start, spot.end, token)
            except Problem as problem:
                reason = f"{old} is left as it is, it {problem}; write {token} there"
                self.unread.append(Unread(file=name, line=spot.line, reason=reason))
            else:
                done.append(Edit(file=name, line=spot.line, before=old, after=token))
        self.edits += reversed(done)
        return text

    def _elsewhere(self, service: Adopted) -> None:
        """Tell where else Compose files use a variable that is a host's port now."""
        if not any(each.variable for each in service.mentions):
            return
        stacks = [stack for _, stack in self.found.stacks]
        ours = {(p.spot.file, p.spot.start) for stack in stacks for p in stack.ports}
        for name in dict.fromkeys(each for stack in stacks for each in stack.files):
            text = self.found.texts[name]
            for variable, at in compose_ports.uses(text):
                if variable == service.variable and (name, at) not in ours:
                    line = text.count("\n", 0, at) + 1
                    told = (
                        f"{service.variable} is used here too, and is the host's port;"
                        " inside of a container write the container's"
                    )
                    self.notes.append(Note(file=name, line=line, text=told))

    def _change(self, name: str, text: str) -> FileChange:
        before = files.read(self.folder.file(name)) or b""
        mark = _BOM if before.startswith(_BOM) else b""
        return FileChange(name=name, before=before, after=mark + text.encode())

    def dotenv(self) -> tuple[FileChange, ...]:
        """Take the lines out that `init` would refuse to write a second of."""
        name = self.settings.dotenv
        ours = {each.variable for each in self.proposal.services}
        for each in self.proposal.services:
            for mention in each.mentions:
                if mention.file in self.found.env_files and mention.file != name:
                    told = (
                        f"{each.variable} stays here: portconf does not write this file"
                    )
                    self.notes.append(
                        Note(file=mention.file, line=mention.line, text=told)
                    )
        try:
            data = originals.read(self.folder, name) if name else None
            if data is None or name is None:
                return ()
            rest, gone = envfile.without(data, ours)
            sections.merge(rest, b"", ours)
        except Problem as problem:
            reason = f"{problem}; 'portconf init' will refuse it"
            self.unread.append(Unread(file=str(name), line=1, reason=reason))
            return ()
        except PortconfError as error:
            reason = originals.reason(error, str(name))
            self.unread.append(Unread(file=str(name), line=1, reason=reason))
            return ()
        lines = data.removeprefix(_BOM).splitlines()
        self.edits += [
            Edit(
                file=name,
                line=number,
                before=lines[number - 1].decode(errors="replace"),
                after=None,
            )
            for number in gone
        ]
        return (FileChange(name=name, before=data, after=rest),) if gone else ()


def _shape(stack: Stack) -> list[object]:
    """Return what of the ports no edit may change."""
    blank = Spot(file="", line=1)
    return [replace(each, spot=blank, published="") for each in stack.ports]

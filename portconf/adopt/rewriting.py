"""The user's own files with variables for ports: Compose files and `.env`."""

import os
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from portconf import files, originals, sections
from portconf.adopt import envfile
from portconf.adopt.gathering import Gathered
from portconf.adopt.values import Mention, Note, Proposal
from portconf.compose import interpolation, reading
from portconf.compose.replacing import Token, replace as replaced
from portconf.compose.values import Spot, Stack, Unread
from portconf.errors import PortconfError
from portconf.folder import Folder
from portconf.kinds import Problem
from portconf.reports import FileChange
from portconf.settings import Settings


_BOM = b"\xef\xbb\xbf"
_COPIED = (".example", ".sample", ".template", ".dist")


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
        stuck: Gets the tokens that cannot be replaced, with the reason.
        unread: Gets what else could not be changed.
        notes: Gets what a person may want to know of the changes.
    """

    folder: Folder
    settings: Settings
    found: Gathered
    proposal: Proposal
    edits: list[Edit] = field(default_factory=list)
    stuck: dict[Spot, str] = field(default_factory=dict)
    unread: list[Unread] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def compose(self) -> tuple[FileChange, ...]:
        """Replace the tokens of Compose files."""
        wanted: dict[str, dict[Spot, str]] = {}
        for service in self.proposal.services:
            for mention in service.mentions:
                if mention.spot and mention.named:
                    variable = mention.variable or service.variable
                    wanted.setdefault(mention.file, {})[mention.spot] = variable
        edited = {name: self._spliced(name, spots) for name, spots in wanted.items()}
        # Each file was compared by itself; this is what Compose makes of them all.
        texts = ChainMap(edited, self.found.texts)  # type: ignore[arg-type] # never set
        for first, before in self.found.stacks if edited else ():
            self._beside(before)
            if _shape(reading.read(texts, first)) != _shape(before):
                reason = (
                    "stays as it is: with variables Compose would read it otherwise"
                )
                for spots in wanted.values():
                    self.stuck |= dict.fromkeys(spots, reason)
                return ()
        changes = (self._change(name, text) for name, text in edited.items())
        return tuple(each for each in changes if each.before != each.after)

    def _beside(self, stack: Stack) -> None:
        """Tell where Compose will not find the variables by itself."""
        name, env = (*stack.files, "")[0], self.settings.compose_env
        if "/" in name and self.edits and env:
            told = f"Compose looks for .env beside this file: give it --env-file {env}"
            self.notes.append(Note(file=name, line=1, text=told))
        ours = {each.variable for each in self.proposal.services}
        for folder in sorted({os.path.dirname(each) for each in stack.files} - {""}):
            told = "Compose finds {} here too, the same in every checkout"
            self._second(f"{folder}/.env", ours, told)

    def _second(self, name: str, ours: set[str], told: str) -> None:
        """Tell where another value of ours is found, which may be preferred."""
        if name in (self.settings.dotenv, self.settings.compose_env):
            return  # there it is ours, and each checkout's
        try:
            lines = sections.opened(originals.read(self.folder, name) or b"")
        except (PortconfError, Problem):
            return
        for each in sections.settings(*lines):
            if each.name in ours:
                text = f"{told.format(each.name)}: take the line out"
                self.notes.append(Note(file=name, line=each.line, text=text))

    def _spliced(self, name: str, spots: Mapping[Spot, str]) -> str:
        """Return a file's text with its tokens replaced, where that can be."""
        text = self.found.texts[name]
        tokens: dict[Token, Spot] = {}
        for spot, variable in spots.items():
            old = interpolation.whole(text[spot.start : spot.end])
            if old is None or (old.name, old.sign) != (variable, ":?"):
                new = interpolation.demand(variable)
                tokens[Token(start=spot.start, end=spot.end, text=new)] = spot
        if not tokens:
            return text
        reason = self._unwritable(name)
        if reason:
            self.stuck |= dict.fromkeys(tokens.values(), reason)
            return text
        try:
            edited, wrong = replaced(text, tokens)
        except Problem as problem:
            edited, wrong = text, dict.fromkeys(tokens, str(problem))
        for token, spot in sorted(tokens.items(), key=lambda each: each[0].start):
            old_text = text[spot.start : spot.end]
            if token in wrong:
                self.stuck[spot] = (
                    f"{old_text} stays as it is, it {wrong[token]}; write"
                    f" {interpolation.demand('VARIABLE')} there and declare it with"
                    " 'portconf add'"
                )
            else:
                self.edits.append(
                    Edit(file=name, line=spot.line, before=old_text, after=token.text)
                )
        return edited

    def _unwritable(self, name: str) -> str | None:
        file = self.folder.file(name)
        if not self.folder.holds(os.path.realpath(file.path)):
            return "stays as it is: it belongs to another checkout"
        try:
            files.check(file)
        except PortconfError as error:
            return f"stays as it is: it {originals.reason(error, name)}"
        return None

    def _change(self, name: str, text: str) -> FileChange:
        before = files.read(self.folder.file(name)) or b""
        mark = _BOM if before.startswith(_BOM) else b""
        return FileChange(name=name, before=before, after=mark + text.encode())

    def dotenv(self) -> tuple[FileChange, ...]:
        """Take the lines out that `init` would refuse to write a second of."""
        name = self.settings.dotenv
        ours = {each.variable for each in self.proposal.services}
        for end in _COPIED if name else ():
            # A copy of it in the next worktree has the old port, and Compose takes it.
            told = "{} comes back with each copy of this file, one for all checkouts"
            self._second(f"{name}{end}", ours | self.proposal.templates.keys(), told)
        gone: dict[int, Mention] = {}
        for each in self.proposal.ours:
            if each.file == name:
                gone[each.line] = each
            elif each.file in self.found.env_files:
                told = f"{each.variable} stays here: portconf does not write this file"
                self.notes.append(Note(file=each.file, line=each.line, text=told))
        data = originals.read(self.folder, name) if gone and name else None
        if data is None or name is None:
            return ()
        lines = data.removeprefix(_BOM).splitlines()
        for number, each in sorted(gone.items()):
            line = lines[number - 1].decode(errors="replace")
            told = f"{each.variable}={each.number or ''} is portconf's now"
            self.edits.append(Edit(file=name, line=number, before=line, after=None))
            self.notes.append(Note(file=name, line=number, text=told))
        rest = envfile.without(data, gone)
        return (FileChange(name=name, before=data, after=rest, private=True),)


def _shape(stack: Stack) -> list[object]:
    """Return what of the ports no edit may change."""
    blank = Spot(file="", line=1)
    return [replace(each, spot=blank, published="") for each in stack.ports]

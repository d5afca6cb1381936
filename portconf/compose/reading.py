"""Compose files, as far as ports go, with the place of every token."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from portconf.compose import NAMES, OVERRIDES, paths, services, tree
from portconf.compose.services import Definition
from portconf.compose.tree import Node
from portconf.compose.values import Fixed, Stack, Unread
from portconf.errors import PortconfError
from portconf.marks import MARK


# Far above any stack; a small text with aliases can say a lot more.
MOST_FILES = 100
MOST_EXTENDED = 30
MOST = 2000
_KINDS = {"map": "mapping", "list": "list"}


def read(texts: Mapping[str, str], first: str | None = None) -> Stack:
    """
    Return what the Compose files of a project say.

    Args:
        texts: The project's files, by name; each is read when it is asked for.
        first: The file to begin with; None: what Compose would find, with its
            override.
    """
    reader = _Reader(texts=texts)
    if first is not None:
        names = [first]
    else:
        names = [each for each in NAMES if reader.text(each) is not None][:1]
        more = [each for each in OVERRIDES if reader.text(each) is not None][:1]
        names += [
            each for each in more if names and MARK not in texts[each].split("\n", 1)[0]
        ]
    # Compose takes the first file's folder for the project's, also for the others.
    base = "".join(names[:1]).rpartition("/")[0]
    found = reader.project(tuple(names), base, whose=None) if names else {}
    return reader.stack(list(found.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A document: its file, its services, and what its paths are relative to."""

    file: str
    base: str
    services: Mapping[str, Node]


@dataclass(slots=True, kw_only=True)
class _Reader:
    """One reading: what was found so far, and what was looked at already."""

    texts: Mapping[str, str]
    files: list[str] = field(default_factory=list)
    fixed: list[Fixed] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    _roots: dict[str, list[Node]] = field(default_factory=dict)
    _texts: dict[str, str | None] = field(default_factory=dict)
    _projects: dict[object, dict[str, Definition]] = field(default_factory=dict)
    _defined: dict[object, Definition] = field(default_factory=dict)
    _open: set[object] = field(default_factory=set)
    _left: int = MOST  # ports that are still read
    _lacking: bool = False

    def text(self, name: str) -> str | None:
        """Return a file's text, or None where there is none to be had."""
        if name not in self._texts:
            self._texts[name] = None
            try:
                self._texts[name] = self.texts[name]
            except KeyError:
                pass
            except PortconfError as error:
                self.tell(name, 1, error.message)
        return self._texts[name]

    def tell(self, file: str, line: int, reason: str, *, lacking: bool = True) -> None:
        """Add what could not be read; nothing is lacking where nothing stood."""
        self._lacking = self._lacking or lacking
        self.unread.append(Unread(file=file, line=line, reason=reason))

    def stack(self, found: list[Definition]) -> Stack:
        """Return everything that was found."""
        named = (each.named for each in found)
        doubts = (doubt for each in found for doubt in each.unread)
        return Stack(
            files=tuple(dict.fromkeys(self.files)),
            ports=tuple(port for each in found for port in each.ports),
            images={each.name: each.image for each in found if each.image},
            built=tuple(each.name for each in found if each.built),
            profiles={each.name: each.profiles for each in found if each.profiles},
            started={each.name: each.inside.started for each in found},
            passed={each.name: each.inside.passed for each in found},
            env_files={each.name: each.inside.env_files for each in found},
            untold=tuple(each.name for each in found if each.inside.untold),
            uses={each.name: each.inside.uses for each in found},
            services=tuple(each.name for each in found),
            fixed=tuple(
                dict.fromkeys([*(each for each in named if each), *self.fixed])
            ),
            unread=tuple(dict.fromkeys([*self.unread, *doubts])),
            lacking=self._lacking,
        )

    def project(
        self, names: tuple[str, ...], base: str, *, whose: tuple[str, int] | None
    ) -> dict[str, Definition]:
        """
        Return the services of files that are merged in their order.

        Args:
            names: The files.
            base: The folder that their paths are relative to.
            whose: The file and line that include them; None: the project itself.
        """
        if (names, base) in self._open and whose:
            self.tell(*whose, f"{', '.join(names)} is included by itself")
        if (names, base) in self._projects:
            return self._projects[names, base]
        found = self._projects[names, base] = {}
        self._open.add((names, base))
        for name in names:
            for root in self.documents(name, whose or (name, 1)):
                for each in self.document(root, name, base, main=whose is None):
                    if len(found) >= MOST and each.name not in found:
                        self.tell(name, root.line, f"more than {MOST} services")
                        break
                    below = found.get(each.name)
                    found[each.name] = each.over(below) if below else each
        self._open.discard((names, base))
        return found

    def documents(self, name: str, whose: tuple[str, int]) -> list[Node]:
        """Return the documents of a file, once read; none where it is refused."""
        if name in self._roots:
            return self._roots[name]
        self._roots[name] = []
        if len(self._roots) > MOST_FILES:
            self.tell(*whose, f"more than {MOST_FILES} files: {name!r} is left out")
            return []
        text = self.text(name)
        if text is None:
            if not any(each.file == name for each in self.unread):
                self.tell(*whose, f"there is no file {name!r}")
            return []
        try:
            found = tree.roots(text)
        except tree.UnreadableError as error:
            self.tell(name, error.line, error.reason)
            return []
        self.files.append(name)
        if not found:
            self.tell(name, 1, "it is empty", lacking=False)
        for each in found:
            if each.kind != "map":
                self.tell(name, each.line, "no mapping, as a Compose file is")
        self._roots[name] = [each for each in found if each.kind == "map"]
        return self._roots[name]

    def document(
        self, root: Node, file: str, base: str, *, main: bool
    ) -> list[Definition]:
        """Return the services of one document, with what it includes and extends."""
        fields = root.fields()
        if (
            main
            and not {"services", "include"} & fields.keys()
            and len(self.files) == 1
        ):
            self.tell(file, root.line, "it has no services", lacking=False)
        name = services.fixed("project", "", fields.get("name"), file=file)
        self.fixed += [name] if main and name else []
        self.fixed += services.resources(root, file=file)
        section, include = fields.get("services"), fields.get("include")
        for key, each, kind in (
            ("services", section, "map"),
            ("include", include, "list"),
        ):
            if each is not None and each.kind != kind and not each.empty:
                self.tell(file, each.line, f"{key!r} is no {_KINDS[kind]}")
        nodes = section.fields() if section is not None else {}
        place = _Place(file=file, base=base, services=nodes)
        found = {
            each: self.service(place, each, ()) for each in list(nodes)[: MOST + 1]
        }
        for each in include.children if include and include.kind == "list" else ():
            for one in self.included(each, place).values():
                found.setdefault(one.name, one)
        return list(found.values())

    def service(
        self, place: _Place, name: str, chain: tuple[tuple[str, str], ...]
    ) -> Definition:
        """Return a service of a document, merged over what it extends."""
        node = place.services[name]
        mine = self.definition(place, name)
        self._left -= len(mine.ports)
        about = node.fields().get("extends")
        if about is None or about.empty:
            return mine
        try:
            if (place.file, name) in chain or len(chain) >= MOST_EXTENDED:
                raise ValueError("leads back to it, or too far")  # noqa: TRY301
            there, other = self.extended(about, place)
        except ValueError as error:
            doubt = Unread(
                file=place.file,
                line=about.line,
                reason=f"what {name!r} extends {error}",
                service=name,
            )
            return replace(mine, unread=(*mine.unread, doubt))
        return mine.over(self.service(there, other, (*chain, (place.file, name))))

    def definition(self, place: _Place, name: str) -> Definition:
        """Return what a service says by itself; many may extend the same one."""
        node = place.services[name]
        key = (id(node), name, place.base)
        if key not in self._defined or len(self._defined[key].ports) > self._left:
            self._defined[key] = services.define(
                name, node, file=place.file, base=place.base, most=self._left
            )
        return self._defined[key]

    def extended(self, about: Node, place: _Place) -> tuple[_Place, str]:
        """
        Return the place and name of the service that another extends.

        Raises:
            ValueError: If there is none to be had, completing "what X extends ...".
        """
        fields = about.fields()
        name = fields.get("service", about).value
        if "file" in fields:
            file = paths.inside(fields["file"], place.base)
            if self.text(file) is None:
                raise ValueError(f"cannot be read: there is no file {file!r}")
            roots = self.documents(file, (place.file, about.line))
            sections = [each.fields().get("services") for each in roots]
            found = {
                k: v for each in sections if each for k, v in each.fields().items()
            }
            place = _Place(file=file, base=file.rpartition("/")[0], services=found)
        if name not in place.services:
            raise ValueError(f"is not in {place.file}: {name!r}")
        return place, name

    def included(self, node: Node, place: _Place) -> dict[str, Definition]:
        """Return the services of one entry of `include`."""
        fields = node.fields()
        listed = fields.get("path", node)
        try:
            names = tuple(
                paths.inside(each, place.base)
                for each in (listed.children if listed.kind == "list" else [listed])
            )
            if "project_directory" in fields:
                base = paths.inside(
                    fields["project_directory"], place.base, folder=True
                )
            else:
                base = "".join(names[:1]).rpartition("/")[0]
        except ValueError as error:
            self.tell(place.file, node.line, f"what it includes {error}")
            return {}
        return self.project(names, base, whose=(place.file, node.line))

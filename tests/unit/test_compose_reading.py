"""What is read of Compose files, and where each token is."""

import textwrap
import time

import pytest

from portconf.compose import NAMES, OVERRIDES, images, interpolation, reading
from portconf.compose.values import Published, Stack, Unread
from portconf.errors import FileConflictError
from portconf.marks import MARK


def read(text: str, **more: str) -> Stack:
    files = {name.replace("__", "/"): text for name, text in more.items()}
    texts = {f"{name}.yaml": textwrap.dedent(each) for name, each in files.items()}
    return reading.read({"compose.yaml": textwrap.dedent(text), **texts})


def one(entry: str) -> Published:
    stack = read(f"services:\n  a:\n    ports:\n      - {entry}\n")
    assert stack.unread == ()
    (port,) = stack.ports
    return port


def ports(stack: Stack) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in stack.ports:
        found.setdefault(each.service, []).append(f"{each.published}:{each.target}")
    return found


def told(stack: Stack) -> list[str]:
    return [str(each) for each in stack.unread]


@pytest.mark.parametrize(
    ("entry", "host_ip", "published", "target", "protocol"),
    [
        ("6000", "", "", "6000", "tcp"),
        ('":80"', "", "", "80", "tcp"),
        ("22:22", "", "22", "22", "tcp"),
        ('"5432:5432"', "", "5432", "5432", "tcp"),
        ("'127.0.0.1:5432:5432'", "127.0.0.1", "5432", "5432", "tcp"),
        ('"127.0.0.1::53/udp"', "127.0.0.1", "", "53", "udp"),
        ('"[::1]:80:81"', "::1", "80", "81", "tcp"),
        ("::1:80:81", "::1", "80", "81", "tcp"),
        ("53:53/UDP", "", "53", "53", "udp"),
        ("8000-8010:9000-9010", "", "8000-8010", "9000-9010", "tcp"),
        ("8000-8010:80", "", "8000-8010", "80", "tcp"),
        ("${VAR:-5432}:5432", "", "${VAR:-5432}", "5432", "tcp"),
        ('"${A}:${B}"', "", "${A}", "${B}", "tcp"),
        ("$A:5432", "", "$A", "5432", "tcp"),
        ('"${A:?run a/b: it}:5432"', "", "${A:?run a/b: it}", "5432", "tcp"),
        (
            '"${A:-${B:-[1]}}:5432/${P:-tcp}"',
            "",
            "${A:-${B:-[1]}}",
            "5432",
            "${p:-tcp}",
        ),
        ("'${A:?it''s}:5432'", "", "${A:?it's}", "5432", "tcp"),
        ('"${IP:-127.0.0.1}:${A}:80"', "${IP:-127.0.0.1}", "${A}", "80", "tcp"),
        ("!!str 80:80", "", "80", "80", "tcp"),
        ("&name 80:80", "", "80", "80", "tcp"),
        ('{target: 80, published: "8080"}', "", "8080", "80", "tcp"),
        ("{target: 80, published: 8080, host_ip: ::1}", "::1", "8080", "80", "tcp"),
        ("{target: 80, protocol: udp, mode: host}", "", "", "80", "udp"),
        ("{target: 80, published: '${A}', app_protocol: h}", "", "${A}", "80", "tcp"),
        ('{"target": 80, published: 80-90}', "", "80-90", "80", "tcp"),
    ],
)
def test_every_form_of_an_entry_is_read(entry, host_ip, published, target, protocol):
    port = one(entry)

    assert (port.host_ip, port.published, port.target, port.protocol) == (
        host_ip,
        published,
        target,
        protocol,
    )
    assert port.form == ("long" if "{" in entry[:1] else "short")


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ('"${ALL}"', "its entry is a variable as a whole, which may publish any port"),
        (
            "${ALL}/udp",
            "its entry is a variable as a whole, which may publish any port",
        ),
        ("web", "its entry has 'web' where a port or a range should be"),
        ("80:web", "its entry has 'web' where a port or a range should be"),
        ('"80:80/t p"', "its entry has 't p' as its protocol"),
        ('"${A:80"', "its entry has a variable without an end"),
        (
            "{target: 80, published: '${A:-${B}'}",
            "its entry has a variable without an end",
        ),
        ("{target: '${A:-${B}'}", "its entry has a variable without an end"),
        ('"\\x380:80:1"', "its entry is written with escapes"),
        ("[80]", "its entry is a list"),
        ("{published: 80}", "its entry names no target"),
        ("{target: [80]}", "its entry has no text as its target"),
        ("{target: 80, published: web}", "its entry has 'web' where a port or a range"),
        ("!reset 80:80", "its entry has the tag !reset, on its own"),
        ("|\n        80:80", "its entry is a block of text"),
    ],
)
def test_what_is_no_entry_is_told_with_its_line(entry, reason):
    stack = read(f"services:\n  a:\n    ports:\n      - {entry}\n      - 1:1\n")

    assert ports(stack) == {"a": ["1:1"]}
    (found,) = told(stack)
    assert found.startswith(f"compose.yaml:4: ports of 'a': {reason}")


PLACES = """\
x-ports: &ports\t# shared, with a tab
  - 127.0.0.1:9000:9000   # tö🐘
services:
  a:
    ports: [ "80:80", ${A:-5}:6 , '${B:?it''s}:7' ]
  b:
    ports:
    - "[::1]:81:80"
    - 6000
    - target: 90
      published: "${C}" # here
    - {published: 91, target: 90}
    - !!str &anchor 92:90
    - "${LONG:?a
        b}:93"
  c:
    ports: *ports
"""


@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_place_of_a_token_is_exact(start, end):
    text = start + PLACES.replace(", ${A:-5}:6", ', "${A:-5}:6"').replace("\n", end)

    stack = reading.read({"compose.yaml": text})

    tokens = [(text[e.spot.start : e.spot.end], e.spot.line) for e in stack.ports]
    assert told(stack) == []
    assert tokens == [
        ("80", 5),
        ("${A:-5}", 5),
        ("${B:?it''s}", 5),
        ("81", 8),
        ("", 9),
        ("${C}", 11),
        ("91", 12),
        ("92", 13),
        (f"${{LONG:?a{end}        b}}", 14),
        ("9000", 2),
    ]
    assert text[stack.ports[4].spot.start :].startswith("6000")


def test_a_port_of_an_alias_is_of_each_service_once_and_at_the_anchor():
    stack = read("""\
        services:
          a: &a
            image: postgres
            ports: [&p "1:1", *p]
          b: {<<: *a}
          c: {<<: [{profiles: [x]}, *a], ports: [*p, "2:2"]}
    """)

    assert ports(stack) == {"a": ["1:1"], "b": ["1:1"], "c": ["1:1", "2:2"]}
    assert [each.spot.line for each in stack.ports] == [4, 4, 4, 6]
    assert stack.images == {"a": "postgres", "b": "postgres", "c": "postgres"}


def test_what_a_service_extends_comes_before_its_own():
    stack = read(
        """\
        services:
          base: {image: x, build: ., ports: ["1:1"]}
          a: {extends: base, ports: ["2:2"]}
          b: {extends: {service: base}, ports: !override ["3:3"]}
          c: {extends: {service: base}, ports: !reset []}
          d: {extends: {file: sub/more.yaml, service: deep}}
        """,
        sub__more="services: {deep: {extends: {file: ../top.yaml, service: t}}}",
        top="services: {t: {ports: [4:4]}}",
    )

    assert told(stack) == []
    expected = {"base": ["1:1"], "a": ["1:1", "2:2"], "b": ["3:3"], "d": ["4:4"]}
    assert ports(stack) == expected
    assert stack.ports[-1].spot.file == "top.yaml"
    assert stack.files == ("compose.yaml", "sub/more.yaml", "top.yaml")
    assert stack.services == ("base", "a", "b", "c", "d")
    assert stack.built == ("base", "a", "b", "c")


def test_an_include_is_relative_to_who_includes():
    stack = read(
        """\
        include:
          - one/compose.yaml
          - path: [two/a.yaml, ./two/b.yaml]
          - {path: three/a.yaml, project_directory: one}
        """,
        one__compose="include: [inner.yaml]\nservices: {o: {ports: [1:1]}}",
        one__inner="services: {i: {ports: [2:2]}}",
        two__a="services: {t: {ports: [3:3]}}",
        two__b="services: {t: {ports: [4:4]}}",
        three__a="services: {x: {extends: {file: inner.yaml, service: i}}}",
    )

    assert told(stack) == []
    expected = {"o": ["1:1"], "i": ["2:2"], "t": ["3:3", "4:4"], "x": ["2:2"]}
    assert ports(stack) == expected


@pytest.mark.parametrize("name", OVERRIDES)
def test_the_override_is_merged_as_compose_does(name):
    texts = {
        "docker-compose.yml": (
            "services: {a: {image: x, ports: ['1:1']}, b: {ports: ['2:2']}, c: {ports: ['3:3']}}"
        ),
        name: (
            "services: {a: {image: y, ports: ['4:4']}, b: {ports: !override ['5:5']}, c: {ports: !reset []}}"
        ),
    }

    stack = reading.read(texts)
    alone = reading.read(texts, "docker-compose.yml")

    assert ports(stack) == {"a": ["1:1", "4:4"], "b": ["5:5"]}
    assert stack.images == {"a": "y"}
    assert stack.files == ("docker-compose.yml", name)
    assert ports(alone) == {"a": ["1:1"], "b": ["2:2"], "c": ["3:3"]}


def test_an_override_of_ours_is_no_source():
    header = f"# {MARK} And so on.\n"
    base = "services: {a: {ports: ['1:1']}}"
    texts = {
        "compose.yaml": base,
        "compose.override.yaml": header + "services: {a: {ports: !override ['5:5']}}",
    }

    assert ports(reading.read(texts)) == {"a": ["1:1"]}


INNER = """\
services:
  base:
    environment: [DB_PORT, WEB_PORT=1, "CACHE_PORT="]
    env_file: .env
  a:
    extends: base
    build: {args: [ARG_PORT, OTHER=2]}
    env_file:
      - one.env
      - {path: ../two.env, required: false, format: raw}
      - ../../out.env
      - /etc/passwd
      - ${NAME}.env
  b:
    extends: {file: ../base.yaml, service: deep}
    environment: {MAIL_PORT: , NULL_PORT: ~, EMPTY_PORT: "", SET_PORT: 3}
    build: {args: {MAP_PORT: , X: 1}}
  c: {image: x, env_file: [], build: .}
"""


def test_what_reaches_a_container_by_name_or_by_file_is_read():
    base = "services: {deep: {environment: [TOP_PORT], env_file: top.env}}"

    stack = reading.read({"docker/x.yaml": INNER, "base.yaml": base}, "docker/x.yaml")

    assert told(stack) == []
    assert stack.passed == {
        "base": ("DB_PORT",),
        "a": ("DB_PORT", "ARG_PORT"),
        "b": ("TOP_PORT", "MAIL_PORT", "NULL_PORT", "MAP_PORT"),
        "c": (),
    }
    assert stack.env_files == {
        "base": ("docker/.env",),
        "a": ("docker/.env", "docker/one.env", "two.env"),
        "b": ("top.env",),
        "c": (),
    }
    assert stack.untold == ("base", "a", "b")


def test_a_file_in_a_folder_is_the_base_of_its_paths():
    texts = {
        "docker/compose.yaml": (
            "include: [more/inner.yaml]\n"
            "services:\n"
            "  a: {extends: {file: base.yaml, service: a}}\n"
            "  b: {extends: {file: ../common/base.yaml, service: b}}\n"
            "  c: {extends: {file: ../../base.yaml, service: b}}\n"
        ),
        "docker/base.yaml": "services: {a: {ports: ['1:1']}}",
        "docker/more/inner.yaml": "services: {d: {ports: ['4:4']}}",
        "common/base.yaml": "services: {b: {ports: ['2:2']}}",
        "base.yaml": "services: {a: {ports: ['3:3']}}",
    }

    stack = reading.read(texts, "docker/compose.yaml")

    assert ports(stack) == {"a": ["1:1"], "b": ["2:2"], "d": ["4:4"]}
    assert [each[:60] for each in told(stack)] == [
        "docker/compose.yaml:5: what 'c' extends is not looked for: '"
    ]


def test_documents_of_one_file_are_merged():
    stack = read(
        "services: {a: {ports: ['1:1']}}\n---\nservices: {a: {ports: ['2:2']}}"
    )

    assert ports(stack) == {"a": ["1:1", "2:2"]}


def test_the_host_network_is_told():
    stack = read("services:\n  a:\n    image: x\n    network_mode: host\n")

    assert told(stack) == [
        "compose.yaml:4: 'a' uses the host's network: its container ports are host ports"
    ]


def test_fixed_names_are_found_with_their_place():
    text = textwrap.dedent("""\
        name: shop
        services:
          a: {container_name: "shop-a"}
          b: {container_name: "${X}-b"}
          c: {extends: a}
        volumes:
          v: {name: data}
          w: {name: data, external: true}
          x: {name: "data-${X}"}
          y:
        networks:
          default: {name: net}
          n: {external: {name: net}}
    """)

    stack = reading.read({"compose.yaml": text})

    found = [
        (each.kind, each.owner, each.name, text[each.spot.start : each.spot.end])
        for each in stack.fixed
    ]
    assert sorted(found) == [
        ("container_name", "a", "shop-a", '"shop-a"'),
        ("network", "default", "net", "net"),
        ("project", "", "shop", "shop"),
        ("volume", "v", "data", "data"),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "compose.yaml:1: it is empty"),
        ("- a", "compose.yaml:1: no mapping, as a Compose file is"),
        ("web: {image: x}", "compose.yaml:1: it has no services"),
        ("services: [a]", "compose.yaml:1: 'services' is no mapping"),
        ("services:\n  a: x", "compose.yaml:2: the service 'a': no mapping"),
        ("services:\n  a: {ports: 1}", "compose.yaml:2: ports of 'a': no list"),
        ("services: {}\ninclude: x", "compose.yaml:2: 'include' is no list"),
        ("services:\n\ta: b", "compose.yaml:2: no YAML: found character '\\t'"),
        ("a: 1\nb: \x01", "compose.yaml:2: no YAML: special characters"),
        ('a: "\\UFFFFFFFF"', "compose.yaml:1: no YAML: "),
        ("a: 1\nb: 1\na: 2", "compose.yaml:3: the key 'a' is there already, in line 1"),
        ("a: *b", "compose.yaml:1: no anchor is named 'b'"),
        ("a: &a\n  b: *a", "compose.yaml:2: the anchor 'a' contains itself"),
        ("a: " + "[" * 70 + "]" * 70, "compose.yaml:1: nested more than 60 deep"),
        ("".join("  " * i + "a:\n" for i in range(70)), "compose.yaml:61: nested more"),
        (
            "a: &a {}\nb:\n  <<: [" + "*a," * 100 + "]",
            "compose.yaml:3: more than 100 mappings merged into one",
        ),
        ("#" * 200_001, "compose.yaml:1: longer than 200000 characters"),
    ],
)
def test_a_file_that_is_none_is_told_with_its_line(text, reason):
    stack = reading.read({"compose.yaml": text})

    assert stack.ports == ()
    assert told(stack)[0].startswith(reason)


@pytest.mark.parametrize(
    ("include", "reason"),
    [
        ("../x.yaml", "is not looked for: '../x.yaml' is no path inside the project"),
        ("a/../../x", "is not looked for: 'a/../../x' is no path inside"),
        ("/etc/passwd", "is not looked for: '/etc/passwd' is no path inside"),
        ("~/x.yaml", "is not looked for: '~/x.yaml' is no path inside"),
        (".git/config", "is not looked for: '.git/config' is no path inside"),
        ("'${X}/a.yaml'", "is not looked for: '${X}/a.yaml' is no path inside"),
        ("oci://host/a", "is not looked for: 'oci://host/a' is no path inside"),
        ("{path: []}", ""),
    ],
)
def test_nothing_outside_of_the_project_is_asked_for(include, reason):
    asked = []

    class Texts(dict[str, str]):
        def __getitem__(self, name: str) -> str:
            asked.append(name)
            return super().__getitem__(name)

    text = f"include:\n  - {include}\nservices:\n  a: {{extends: {{file: {include}, service: b}}}}"
    stack = reading.read(Texts({"compose.yaml": text}))

    assert set(asked) <= {"compose.yaml", *NAMES, *OVERRIDES}
    assert not reason or f"compose.yaml:2: what it includes {reason}" in told(stack)[0]
    assert not reason or f"compose.yaml:4: what 'a' extends {reason}" in told(stack)[1]


def test_what_goes_in_a_circle_or_is_missing_is_told():
    stack = read(
        """\
        include: [compose.yaml, more.yaml, nowhere.yaml]
        services:
          a: {extends: b}
          b: {extends: a}
          c: {extends: nobody}
          d: {extends: {file: nowhere.yaml, service: x}}
        """,
        more="include: [compose.yaml]\nservices: {}",
    )

    assert told(stack) == [
        "compose.yaml:1: compose.yaml is included by itself",
        "more.yaml:1: compose.yaml is included by itself",
        "compose.yaml:1: there is no file 'nowhere.yaml'",
        "compose.yaml:3: what 'a' extends leads back to it, or too far",
        "compose.yaml:4: what 'b' extends leads back to it, or too far",
        "compose.yaml:5: what 'c' extends is not in compose.yaml: 'nobody'",
        "compose.yaml:6: what 'd' extends cannot be read: there is no file 'nowhere.yaml'",
    ]


def test_a_file_that_is_refused_is_told_and_the_next_name_counts():
    class Texts(dict[str, str]):
        def __getitem__(self, name: str) -> str:
            if name == "compose.yaml":
                raise FileConflictError(
                    "compose.yaml is a link that leads out", path=name
                )
            return super().__getitem__(name)

    stack = reading.read(Texts({"compose.yml": "services: {a: {ports: ['1:1']}}"}))

    assert told(stack) == ["compose.yaml:1: compose.yaml is a link that leads out"]
    assert ports(stack) == {"a": ["1:1"]}


def test_no_compose_file_says_nothing_and_a_missing_one_is_told():
    assert reading.read({}) == Stack()
    assert reading.read({}, "x.yaml").unread == (
        Unread(file="x.yaml", line=1, reason="there is no file 'x.yaml'"),
    )


LAUGH = "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 20)
)
WIDE = "".join(f"a{i}: , " for i in range(12_000))
MANY = "".join(f"  s{i}: {{X}}\n" for i in range(2000))
SLOW = 30.0
MERGE = "".join(
    f"a{i}: &a{i} {{k{i}: 1, <<: [{', '.join([f'*a{i - 1}'] * 9)}]}}\n"
    for i in range(1, 20)
)


@pytest.mark.parametrize(
    "text",
    [
        f"a0: &a0 [x]\n{LAUGH}services: {{s: {{ports: *a19}}}}",
        f"a0: &a0 {{x: 1}}\n{MERGE}services: {{s: *a19}}",
        "p: &p\n"
        + "".join(f"- {i}:{i}\n" for i in range(1, 3000))
        + "services:\n"
        + "".join(f"  s{i}: {{ports: *p}}\n" for i in range(500)),
        f"e: &e {{{WIDE}}}\nservices:\n" + MANY.replace("X", "environment: *e"),
        f"e: &e {{{WIDE}}}\nservices:\n" + MANY.replace("X", "<<: *e"),
        f"e: &e {{{WIDE}}}\nvolumes:\n" + MANY.replace("X", "<<: *e"),
        f"e: &e [{'a,' * 5000}]\nservices:\n" + MANY.replace("X", "env_file: *e"),
        f"e: &e '{'a ' * 50_000}'\nservices:\n"
        + MANY.replace("X", "command: [*e, *e]"),
        "a0: &a0 {}\n"
        + "".join(f"a{i}: &a{i} {{<<: *a{i - 1}}}\n" for i in range(1, 3000)),
        "[" * 250_000,
        "[]," * 83_000,
        "[" * 100_000 + "]" * 99_000,
        "a: " + '["]",' * 39_000,
        "a: " + "[ # ]\n" * 33_000,
    ],
)
def test_a_small_text_cannot_make_much_work(text):
    begin = time.process_time()
    stack = reading.read({"compose.yaml": text})

    # No speed is asked for here, but an end: a bomb takes minutes, or for ever.
    assert time.process_time() - begin < SLOW
    assert len(stack.ports) <= reading.MOST


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("$A", "A"),
        ("${A}", "A"),
        ("${A:-1}", "A"),
        ("${A-${B}}", "A"),
        ("${A:?x}", "A"),
        ("${A:+1}", None),
        ("${A}${B}", None),
        ("${A:-1}0", None),
        ("1", None),
        ("$$A", None),
    ],
)
def test_a_variable_is_one_where_the_text_is_nothing_else(text, name):
    assert interpolation.variable(text) == name


@pytest.mark.parametrize(
    ("text", "sign", "default"),
    [
        ("$A", "", None),
        ("${A}", "", None),
        ("${A:-${B:-1}}", ":-", "${B:-1}"),
        ("${A-}", "-", ""),
        ("${A?x-y}", "?", None),
        ("${A:?x}", ":?", None),
    ],
)
def test_a_variable_has_a_default_a_demand_or_neither(text, sign, default):
    found = interpolation.whole(text)

    assert found is not None
    assert (found.sign, found.default) == (sign, default)


def test_the_profiles_of_a_service_are_those_of_all_that_it_is_made_of():
    stack = read("""\
        services:
          a: {profiles: [one]}
          b: {extends: a, profiles: ["two"]}
          c: {profiles: }
    """)

    assert stack.profiles == {"a": ("one",), "b": ("one", "two")}


@pytest.mark.parametrize(
    ("image", "port"),
    [
        ("postgres", 5432),
        ("postgres:17@sha256:00", 5432),
        ("docker.io/library/redis:8", 6379),
        ("localhost:5000/mongo", 27017),
        ("docker.elastic.co/kibana/kibana:9", 5601),
        ("mcr.microsoft.com/mssql/server", 1433),
        ("ours/postgres", None),
        ("nginx", None),
        ("rabbitmq:4-management", None),
        ("elasticsearch", None),
        ("${IMAGE}", None),
    ],
)
def test_only_a_well_known_image_with_one_port_has_it(image, port):
    assert images.port(image) == port

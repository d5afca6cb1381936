"""What `adopt` reads in files that are not Compose's."""

import pytest

from portconf.adopt import devcontainer, envfile, hosts, procfile, python_source
from portconf.adopt.values import Found


def mentioned(found: Found) -> list[tuple[int, str, int | None]]:
    return [
        (each.line, each.variable or each.owner, each.number) for each in found.mentions
    ]


def told(found: Found) -> list[str]:
    return [str(each) for each in (*found.unread, *found.notes)]


@pytest.mark.parametrize(
    "code",
    [
        'os.getenv("DB_PORT", "5432")',
        "getenv('DB_PORT', 5432)",
        'int(os.environ.get("DB_PORT", "5432"))',
        'environ.get("DB_PORT", int("5432"))',
        'os.environ.setdefault("DB_PORT", "5432")',
        'env.int("DB_PORT", default=5432)',
        'env("DB_PORT", default="5432")',
        'config("DB_PORT", default=5432, cast=int)',
        'f(url="x" + str(os.getenv("DB_PORT", default=5432)))',
    ],
)
def test_python_reads_a_variable_with_its_default(code):
    found = python_source.read("a.py", f"\nx = {code}\n".encode())

    assert mentioned(found) == [(2, "DB_PORT", 5432)]
    assert told(found) == []


@pytest.mark.parametrize(
    "code",
    [
        'os.environ["DB_PORT"]',
        'os.getenv("DB_PORT")',
        'os.environ.get("DB_PORT", None)',
        'config("DB_PORT", cast=int)',
    ],
)
def test_python_reads_a_variable_without_a_default(code):
    found = python_source.read("a.py", code.encode())

    assert mentioned(found) == [(1, "DB_PORT", None)]
    assert told(found) == []


@pytest.mark.parametrize(
    "code",
    [
        'os.getenv("REPORT", "5")',
        'os.getenv("PORT_OFFSET", "100")',
        'os.getenv(name, "5432")',
        'os.environ["DB_PORT"] = "1"',
        'other.get("DB_PORT", 5432)',
        "\"os.getenv('DB_PORT', 5432)\"",
        "db_port = 5432",
    ],
)
def test_python_that_reads_no_port_says_nothing(code):
    assert python_source.read("a.py", code.encode()) == Found()


def test_python_with_a_default_that_is_computed_has_no_number():
    found = python_source.read("a.py", b'os.getenv("DB_PORT", base +\n 1)')

    assert mentioned(found) == [(1, "DB_PORT", None)]
    assert found.foreign == {}


def test_python_with_a_default_that_is_text_says_that_the_variable_is_no_port():
    found = python_source.read("a.py", b'os.getenv("TTY_PORT", "/dev/ttyUSB0")')

    assert found.foreign == {"TTY_PORT": "the default of TTY_PORT is not only a port"}


def test_python_says_which_servers_are_elsewhere():
    found = python_source.read(
        "a.py", b'os.getenv("DB_URL", "pg://prod/x"); os.getenv("Q_HOST", "localhost")'
    )

    assert found.hosts == {"DB_URL": False, "Q_HOST": True}


def test_a_number_in_python_is_told_and_no_service():
    found = python_source.read("a.py", b"DB_PORT: int = 5432\nWEB_PORT = int('80')\n")

    assert found.mentions == ()
    assert told(found) == [
        "a.py:1: DB_PORT is the number 5432; read it from the environment",
        "a.py:2: WEB_PORT is the number 80; read it from the environment",
    ]


@pytest.mark.parametrize(
    "source",
    [
        b"def (:\n",
        b"x = '\\ud800' \x00",
        b"\xff\xfe\x00",
        b"# coding: nonsense\n",
        b"(" * 500,
        b"-" * 50_000 + b"1",
        b"a" + b".b" * 50_000,
    ],
)
def test_what_is_no_python_is_told(source):
    found = python_source.read("a.py", source)

    assert found.mentions == ()
    assert len(found.unread) == 1
    assert "a.py:1: is not Python: " in told(found)[0]


def test_an_odd_escape_in_python_is_no_warning():
    found = python_source.read("a.py", b'x = "\\d"; os.getenv("DB_PORT", "1")')

    assert mentioned(found) == [(1, "DB_PORT", 1)]


ENV = b"""\
# DB_PORT=1
DB_PORT=5432
export WEB_PORT = '8000'   # web
'QUEUE_PORT': "5672"
TEXT="several
INNER_PORT=1
lines"
ODD_PORT=54321x
PORT=${WEB_PORT}
EMAIL_HOST=mail.example.org
URL=redis://:secret@localhost:6379/0
# >>> portconf >>>
OURS_PORT=4000
# <<< portconf <<<
LAST_PORT=9000"""


def test_the_lines_of_an_env_file_are_read_in_every_form():
    found = envfile.read(".env", ENV)

    assert mentioned(found) == [
        (2, "DB_PORT", 5432),
        (3, "WEB_PORT", 8000),
        (4, "QUEUE_PORT", 5672),
        (15, "LAST_PORT", 9000),
    ]
    assert found.hosts == {"EMAIL_HOST": False, "URL": True}
    words = "TEXT INNER_PORT ODD_PORT PORT WEB_PORT EMAIL_HOST URL"
    assert set(found.foreign) == set(words.split())


def test_what_an_env_file_leaves_open_is_told_without_secrets():
    found = envfile.read(".env", ENV)

    assert told(found) == [
        ".env:8: ODD_PORT is not only a port in .env",
        ".env:9: PORT is not only a port in .env",
        (
            ".env:11: URL has the port 6379 in it; write it as a template in"
            " [tool.portconf.env]"
        ),
    ]
    assert "secret" not in "".join(told(found))


def test_the_project_name_of_an_env_file_is_told():
    found = envfile.read(".env", b"COMPOSE_PROJECT_NAME=shop\n")

    assert "take it out" in told(found)[0]


def test_a_list_of_compose_files_is_told_with_the_command_that_reads_them():
    found = envfile.read(".env", b"COMPOSE_FILE=a.yaml:b c.yaml\n")

    assert "'portconf adopt a.yaml 'b c.yaml'' reads" in told(found)[0]


@pytest.mark.parametrize(
    "value",
    [b"127.0.0.1:5432", b"9000-9002", b"/dev/ttyUSB0", b"hush", b"${X}", b'"5432" x'],
)
def test_a_value_that_is_not_only_a_port_is_never_shown(value):
    found = envfile.read(".env", b"DB_PORT=" + value + b"\nPORT_SECRET=" + value)

    assert found.mentions == ()
    assert set(found.foreign) == {"DB_PORT", "PORT_SECRET"}
    assert told(found) == [".env:1: DB_PORT is not only a port in .env"]


@pytest.mark.parametrize(
    "data",
    [
        b'KEY="a\nDB_PORT=1\nb"\nDB_PORT=5432\n',
        b"KEY='a\nDB_PORT=1\nb'\nDB_PORT=5432\n",
        b'KEY="a\\"\nDB_PORT=5432\n',
        b'KEY="never closed\nDB_PORT=5432\n',
    ],
)
def test_a_line_inside_of_a_value_binds_its_variable(data):
    found = envfile.read(".env", data)

    assert "inside of a value of several lines" in found.foreign["DB_PORT"]
    assert all(each.line != 2 for each in found.mentions)


def test_a_reference_above_our_section_binds_its_variable():
    section = b"# >>> portconf >>>\n# <<< portconf <<<\n"
    lines = b"A_PORT=1\nB_PORT=2\nURL=$A_PORT\n" + section + b"C_PORT=3\nX=$C_PORT\n"

    found = envfile.read(".env", lines)

    assert [each for each in found.foreign if each.endswith("PORT")] == ["A_PORT"]
    assert "line 3 refers to A_PORT above portconf's section" in found.foreign["A_PORT"]


def test_taking_lines_out_keeps_every_other_byte():
    data = (
        b"\xef\xbb\xbfA=1\r\nDB_PORT=1\r\n\xff\xfe=\x00\r\n\r\nexport DB_PORT=2\r\nB=2"
    )

    rest = envfile.without(data, {2, 5})

    assert rest == b"\xef\xbb\xbfA=1\r\n\xff\xfe=\x00\r\n\r\nB=2"


@pytest.mark.parametrize("reference", [b"$DB_PORT", b"x:${DB_PORT}/y"])
def test_a_line_that_refers_to_one_taken_out_finds_it_above(reference):
    data = b"A=1\nDB_PORT=1\nURL=" + reference + b"\n"

    rest = envfile.without(data, {2})

    section = b"# >>> portconf >>>\n# <<< portconf <<<\n"
    assert rest == b"A=1\n" + section + b"URL=" + reference + b"\n"


@pytest.mark.parametrize(
    "command",
    [
        "gunicorn app:app --bind 0.0.0.0:8000 -w 4",
        "gunicorn -b :8000 app:app",
        "uvicorn app:app --host ::1 --port 8000",
        "npm start -- --http-port=8000",
        "flask run -p 8000",
        "serve --listen [::1]:8000",
    ],
)
def test_a_procfile_names_the_port_of_a_process(command):
    found = procfile.read("Procfile", f"# web\nweb: {command}\r\n")

    assert mentioned(found) == [(2, "web", 8000)]


@pytest.mark.parametrize(
    "command",
    [
        "celery -A app worker -c 10 -b redis://localhost:6379/0",
        "celery -A app worker --broker redis://localhost:6379/0",
        "sh -c 'sleep 1000'",
        "x --since 12:30:00 --statsd localhost:8125",
        "x --bind localhost:8000/path",
        "--port " * 20_000,
        "-b " + "a." * 50_000,
    ],
)
def test_a_process_without_a_port_says_nothing(command):
    assert procfile.read("Procfile", f"worker: {command}\n") == Found()


@pytest.mark.parametrize(
    "command",
    [
        "./wait-for-it.sh db:5432 -t 60 -- gunicorn -b :8000 app",
        "mkdir -p 2024 && puma -p 8000",
        "psql -p 5433; python manage.py runserver 8000",
        "mongos --port 8000",
    ],
)
def test_a_server_behind_a_client_is_one(command):
    assert mentioned(procfile.read("Procfile", f"web: {command}\n")) == [
        (1, "web", 8000)
    ]


@pytest.mark.parametrize("command", ["mongo --port 27018", "cd x && psql -p 5433"])
def test_a_client_behind_anything_is_one(command):
    assert procfile.read("Procfile", f"web: {command}\n") == Found()


def test_a_procfile_with_variables_is_read():
    text = "api: serve --port ${API_PORT:-8001}\nold: serve $PORT\n"

    found = procfile.read("Procfile", text)

    assert mentioned(found) == [(1, "API_PORT", 8001)]
    assert "Procfile:2: what runs the Procfile gives 'old' its PORT" in told(found)[0]


def test_a_process_with_several_numbers_is_told():
    found = procfile.read("Procfile", "web: x --bind :8000 -p 8125")

    assert found.mentions == ()
    assert (
        "'web' has several numbers that may be its port: 8000, 8125" in told(found)[0]
    )


def test_a_dev_container_forwards_ports():
    text = """{
      // "forwardPorts": [1],
      "forwardPorts": [3000, "db:5432", /* 1 */ 5432, "x",],
      "appPort": ["9000:80"], // 2
    }"""

    found = devcontainer.read("devcontainer.json", text)

    assert mentioned(found) == [(3, "", 3000), (3, "", 5432), (4, "", 9000)]
    assert told(found) == ["devcontainer.json:3: 'x' is forwarded, which is no port"]


def test_our_own_section_of_a_dev_container_is_not_adopted():
    text = '{"forwardPorts": [\n// >>> portconf >>>\n4000\n// <<< portconf <<<\n]}'

    assert devcontainer.read("devcontainer.json", text) == Found()


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"forwardPorts": {}}', "{}}", "[" * 10_000]
)
def test_a_dev_container_that_is_none_is_told(text):
    found = devcontainer.read("devcontainer.json", text)

    assert found.mentions == ()
    assert len(found.unread) == 1


def test_a_port_behind_this_machines_name_is_told():
    data = b"BROKERS=localhost:9092\nDSN=root:x@tcp(localhost:3306)/app\n"
    code = b"os.environ.get('REDIS_URL', 'redis://localhost:6379/0')"

    told = [each.text for each in envfile.read(".env", data).notes]
    told += [each.text for each in python_source.read("a.py", code).notes]

    assert [
        word in text for word, text in zip(("9092", "3306", "6379"), told, strict=True)
    ] == [True] * 3


@pytest.mark.parametrize(
    ("command", "number"),
    [
        ("python manage.py runserver 0.0.0.0:8010", 8010),
        ("python manage.py runserver 8010", 8010),
        ("python -m http.server 8010", 8010),
        ("php -S localhost:8010", 8010),
        ("ssh -N -p 2222 bastion", None),
        ("psql -h db.example.com -p 5433", None),
    ],
)
def test_a_process_that_serves_is_known_from_one_that_calls(command, number):
    found = procfile.read("Procfile", f"web: {command}\n")

    assert [each.number for each in found.mentions] == ([number] if number else [])


@pytest.mark.parametrize(
    "value",
    ["http://meilisearch:7700", "https://a@sentry.io:9000/1", "smtp://mail.x.org:587"],
)
def test_the_port_of_another_host_is_no_template(value):
    assert hosts.port_beside(value) is None
    assert envfile.read(".env", f"A_URL={value}\n".encode()).notes == ()


@pytest.mark.parametrize(
    "command",
    [
        "sudo ssh -N -p 2222 bastion",
        "env PGPASSWORD=x psql -p 5433",
        "PGPASSWORD=x psql -p 5433",
        "mongosh --port 27018",
        "mysqldump --port 3307",
        "rq worker -p 6380",
        "mkdir -p 2024 && npm run watch",
        "./wait-for-it.sh -p 5432",
    ],
)
def test_a_client_is_one_behind_other_words_too(command):
    assert procfile.read("Procfile", f"web: {command}\n").mentions == ()


@pytest.mark.parametrize("command", ["nc -l -p 9000", "pg_ctl start -p 9000"])
def test_a_server_of_a_clients_name_is_one(command):
    assert procfile.read("Procfile", f"web: {command}\n").mentions[0].number == 9000

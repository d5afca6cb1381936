import re

import pytest

from portconf.alerts import PLACEHOLDERS, Alerts, Ring, fill
from portconf.declaration import parse
from portconf.errors import ConfigError


def declared(table: str) -> Alerts:
    text = f"[tool.portconf]\nservices = ['web']\n[tool.portconf.alerts]\n{table}"
    settings = parse(text)
    assert settings is not None
    assert settings.alerts is not None
    return settings.alerts


def test_without_a_table_there_are_no_alerts():
    settings = parse("[tool.portconf]\nservices = ['web']")

    assert settings is not None
    assert settings.alerts is None


@pytest.mark.parametrize(
    ("table", "rings"),
    [
        ("", ()),
        ("on = ['down']", ()),
        ("webhook = 'http://127.0.0.1/'", tuple(Ring)),
        ("command = ['true']\non = ['down', 'down']", (Ring.DOWN,)),
        ("command = ['true']\non = []", ()),
    ],
)
def test_everything_rings_unless_something_is_named(table, rings):
    assert declared(table).rings == rings


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9000/hook",
        "https://alerts.example.org/a?b=c#d",
        "http://[::1]:80",
        "http://localhost",
        "http://localhost:65535/",
    ],
)
def test_a_webhook_is_any_address_of_http(url):
    assert declared(f"webhook = {url!r}").webhook == url


@pytest.mark.parametrize(
    "url",
    [
        "ftp://localhost",
        "http://",
        "http://a b/",
        "http://you@localhost/",
        "http://localhost/\\u000a",
        "localhost:80",
        "http://localhost:99999/",
        "http://localhost:65536",
        "http://localhost:0",
    ],
)
def test_what_is_no_address_of_http_is_refused(url):
    with pytest.raises(ConfigError, match=r"alerts.webhook must be a URL"):
        declared(f'webhook = "{url}"')


def test_every_placeholder_is_filled_in_its_word_alone():
    words = [f"<{{{name}}}>" for name in PLACEHOLDERS]
    values = {name: f"{{port}} of {name}; $(x)" for name in PLACEHOLDERS}

    alerts = declared(f"command = {words}")

    assert alerts.command == tuple(words)
    assert [fill(word, values) for word in words] == [
        f"<{{port}} of {name}; $(x)>" for name in PLACEHOLDERS
    ]


@pytest.mark.parametrize("word", ["{nobody}", "{", "}", "{}", "{{}", "{message!r}"])
def test_a_word_with_what_is_no_placeholder_is_refused(word):
    with pytest.raises(ConfigError, match=re.escape(f"got {word!r} in it")):
        declared(f"command = ['true', '{word}']")

import pytest

from portconf.lines import of_declaration


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('[tool.portconf]\nservices = ["web"]', 2),
        ("[tool.portconf]\nservices = ['db', 'web']", 2),
        ('[tool.portconf]\nservices = [\n  "db",\n  "web",\n]', 4),
        ('[tool.portconf]\nservices = [\n  "db", # web\n  "web"]', 4),
        ('[tool.portconf]\nservices = [\n  "db", # not "web"\n  "web"]', 4),
        ("[tool.portconf]\nservices = { db = '', web = '' }", 2),
        ("[tool.portconf]\nservices.db = ''\nservices.web = ''", 3),
        ("[tool.portconf]\nservices.web-admin = ''\nservices.web = ''", 3),
        ("[tool.portconf]\nservices.web.port = 80", 2),
        ("[tool.portconf.services]\ndb = ''\n\n# web\nweb = ''", 5),
        ("[tool.portconf.services]\n'web' = {}", 2),
        ("[tool.portconf.services]\nweb.port = 80", 2),
        ("[tool.portconf.services]\nweb-admin = ''\nweb = ''", 3),
        ("[tool.portconf.services.db]\n[tool.portconf.services.web]\nport = 80", 2),
        ('[ tool . portconf . services . "web" ]\n', 1),
        ("[tool.portconf.services.db]\nenv = 'web'\n[tool.other]\nweb = 1", None),
        ("[tool.portconf.services]\ndb = ''\n[tool.other]\nweb = 1", None),
        ("[tool.other]\nservices = ['web']\n[tool.portconf]\nservices = ['web']", 4),
        (
            (
                "[tool.portconf.services]\ndb = ''\n[[tool.other]]\nweb = 1\n"
                "[tool.portconf.services.web]"
            ),
            5,
        ),
        ("[tool.portconf]\r\nservices = [\r\n  'web']\r\n", 3),
        (
            "[tool.portconf]\nservices = [\n  'db']\n[tool.portconf.env]\nX = 'web'",
            None,
        ),
        ("", None),
    ],
)
def test_the_line_of_a_declaration_is_found_or_not_but_never_wrong(text, line):
    assert of_declaration(text, "web") == line


def test_a_name_with_a_dot_is_found_in_quotes():
    text = "[tool.portconf.services]\na-b = ''\n\"a.b\" = ''\n"

    assert of_declaration(text, "a.b") == 3

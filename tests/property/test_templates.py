from hypothesis import given, strategies as st

from portconf.kinds import Problem
from portconf.templates import Template, unwritable


PORTS = {"web": 4000, "a.b": 4001, "0": 4002}
LITERALS = st.text("{}$ a'\\:!", max_size=4) | st.text(max_size=4)


@given(
    st.lists(LITERALS | st.sampled_from([*PORTS]).map(lambda name: (name,)), max_size=5)
)
def test_what_is_no_service_is_carried_as_it_stands(parts):
    text = "".join(
        f"{{{part[0]}}}" if isinstance(part, tuple) else _escaped(part)
        for part in parts
    )
    filled = "".join(
        str(PORTS[part[0]]) if isinstance(part, tuple) else part for part in parts
    )

    template = parsed(text)

    if isinstance(template, Problem):
        assert unwritable(filled)
        return
    assert template.fill(PORTS) == filled
    assert template.services == tuple(p[0] for p in parts if isinstance(p, tuple))


@given(st.text("{}!:.[] web0", max_size=12) | st.text())
def test_any_text_is_a_template_of_named_services_or_refused(text):
    template = parsed(text)

    if isinstance(template, Problem):
        assert str(template).startswith("must ")
    else:
        assert all(f"{{{name}" in text for name in template.services)
        assert unwritable(template.fill(dict.fromkeys(template.services, 1))) is None


def parsed(text: str) -> Template | Problem:
    try:
        return Template.parse("URL", text)
    except Problem as problem:
        return problem


def _escaped(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")

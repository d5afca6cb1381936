import json

from hypothesis import given, strategies as st

from portconf.errors import StoreFormatError
from portconf.model import Assignment, Plan
from portconf.store import parse, render


PORTS = st.integers(1, 65535)
NAMES = st.from_regex(r"[a-z0-9]{1,5}([-_.][a-z0-9]{1,5}){0,2}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
PLANS = st.builds(
    Plan,
    base_port=PORTS,
    next_port=st.integers(1, 65536),
    services=st.dictionaries(
        NAMES, st.builds(Assignment, port=PORTS, purpose=TEXTS), max_size=5
    ),
    released=st.lists(PORTS, max_size=3, unique=True).map(lambda x: tuple(sorted(x))),
)
# Lone surrogates too: JSON can spell them.
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(), max_size=5),
    PORTS,
)
VALUES = st.recursive(
    ODD,
    lambda each: st.one_of(
        st.lists(each, max_size=3),
        st.dictionaries(st.text(max_size=5), each, max_size=3),
    ),
    max_leaves=5,
)
SERVICES = st.dictionaries(
    st.one_of(NAMES, st.text(max_size=5)),
    st.one_of(
        VALUES, st.fixed_dictionaries({"port": PORTS | ODD, "purpose": TEXTS | ODD})
    ),
    max_size=3,
)
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "format": st.just(1) | ODD,
        "base_port": PORTS | ODD,
        "next_port": PORTS | ODD,
        "services": SERVICES | VALUES,
        "released": st.lists(PORTS | ODD, max_size=3) | VALUES,
        "extra": VALUES,
    },
)


def check(data: bytes) -> None:
    """Read ``data``: it is a plan that can be written again, or refused."""
    try:
        plan = parse(data, name="plan.json")
    except StoreFormatError as error:
        refused = error
    else:
        assert parse(render(plan), name="plan.json") == plan
        return
    assert (refused.path, bool(refused.hint)) == ("plan.json", True)


@given(PLANS)
def test_a_plan_is_read_back_as_it_was_written(plan):
    data = render(plan)

    assert parse(data, name="plan.json") == plan
    assert render(parse(data, name="plan.json")) == data
    assert data.endswith(b"\n}\n")


@given(st.binary(max_size=60))
def test_any_bytes_are_a_plan_or_refused(data):
    check(data)


@given(VALUES | DOCUMENTS)
def test_any_document_is_a_plan_or_refused(document):
    check(json.dumps(document).encode())


@given(PLANS, st.data())
def test_a_damaged_plan_is_a_plan_or_refused(plan, data):
    whole = render(plan)
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))

    check(whole[:start] + data.draw(st.binary(max_size=4)) + whole[end:])
    check(whole[:start])

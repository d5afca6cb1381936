"""No two checkouts have one name, whatever their branches are called."""

import re

import views
from hypothesis import given, strategies as st

from portconf.addressing.zones import zones


BRANCHES = st.none() | st.text("aB/_-.0123é{", max_size=8) | st.text(max_size=70)


@given(st.lists(BRANCHES, max_size=12), st.randoms(use_true_random=False))
def test_every_checkout_has_a_label_of_its_own_in_any_order(branches, chance):
    sites = [
        views.site(branch=branch, instance=number // 2, root=f"/{number:02}")
        for number, branch in enumerate(branches)
    ]

    found = zones(sites)

    assert len({*found.values()}) == len(sites)
    for label in found.values():
        assert re.fullmatch(r"(?=.{1,63}$)[a-z0-9]+(-[a-z0-9]+)*", label)
    chance.shuffle(sites)
    assert zones(sites) == found

"""Shares of work as launchers describe them."""

import pytest

from recam_core.records import UserError
from recam_core.system.launcher import Share, launched


def test_without_a_launcher_everything_is_ours():
    assert launched({"PATH": "/bin"}) == Share(0, 1, None)
    assert list(Share().of(3)) == [0, 1, 2]


def test_shares_are_disjoint_and_whole():
    shares = [launched({"RANK": str(r), "WORLD_SIZE": "3", "LOCAL_RANK": str(r)}) for r in range(3)]
    assert [list(share.of(7)) for share in shares] == [[0, 3, 6], [1, 4], [2, 5]]
    assert list(shares[2].of(2)) == []


@pytest.mark.parametrize(("local", "asked", "cards", "expected"), [
    (0, "auto", 2, "cuda:0"), (1, "auto", 2, "cuda:1"), (1, "cuda", 2, "cuda:1"), (3, "auto", 2, "cuda:1"),
    (1, "cpu", 2, "cpu"), (1, "cuda:0", 2, "cuda:0"), (1, "auto", 0, "auto"), (None, "auto", 2, "auto"),
])  # fmt: skip
def test_the_place_on_the_machine_picks_the_card(local, asked, cards, expected):
    assert Share(1, 4, local).device(asked, cards) == expected


@pytest.mark.parametrize(("environment", "complaint"), [
    ({"RANK": "2", "WORLD_SIZE": "2"}, "below WORLD_SIZE; got 2 of 2"), ({"RANK": "1"}, "got 1 of 1"),
    ({"RANK": "one", "WORLD_SIZE": "2"}, "whole numbers"), ({"RANK": "-1", "WORLD_SIZE": "2"}, "whole numbers"),
    ({"RANK": "0", "WORLD_SIZE": "0"}, "got 0 of 0"),
])  # fmt: skip
def test_what_no_launcher_sets_is_refused(environment, complaint):
    with pytest.raises(UserError, match=complaint):
        launched(environment)

"""A trial takes neither the memory nor the time of those who share the machine."""

from dataclasses import replace

import pytest

from recam_core.records import Cost, UserError
from recam_core.training import trial
from recam_core.training.recipes import presets

pytestmark = pytest.mark.process
QUICK = replace(
    presets("scenes")["quick look"],
    stage1_epochs=1,
    stage2_epochs=1,
    crop=64,
    long_side_min=64,
    long_side_max=64,
    validation="",
)


def test_it_says_what_the_command_says():
    cost = trial.estimate_apart(QUICK)
    assert isinstance(cost, Cost)
    assert cost.steps == (200, 200)
    assert cost.seconds > 0


def test_too_much_memory_is_a_sentence(monkeypatch):
    monkeypatch.setattr(trial, "ROOM", 2**26)
    with pytest.raises(UserError, match="of memory that a trial may have"):
        trial.estimate_apart(QUICK)


def test_too_much_time_is_a_sentence(monkeypatch):
    monkeypatch.setattr(trial, "SECONDS", 0.1)
    with pytest.raises(UserError, match="takes more than 0 seconds on this server"):
        trial.estimate_apart(QUICK)


def test_a_refusal_of_the_command_is_the_refusal():
    with pytest.raises(UserError, match="split"):
        trial.estimate_apart(replace(QUICK, split="nowhere"))


def test_who_goes_away_ends_it():
    class GoneError(Exception):
        pass

    def check() -> None:
        raise GoneError

    with pytest.raises(GoneError):
        trial.estimate_apart(QUICK, check)

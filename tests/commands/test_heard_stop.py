"""Ctrl-C ends a long command even where Python itself drops it."""

import contextlib
import signal

import pytest

from recam_core.commands.options import heard_stop


def swallowed_stop():
    with contextlib.suppress(KeyboardInterrupt):  # what an at-fork hook does with it
        signal.raise_signal(signal.SIGINT)


def test_a_stop_that_was_swallowed_is_raised_at_the_next_event():
    with heard_stop() as check:
        check()
        swallowed_stop()
        with pytest.raises(KeyboardInterrupt):
            check()


def test_afterwards_the_handler_is_what_it_was():
    before = signal.getsignal(signal.SIGINT)
    with heard_stop() as check:
        check()
    assert signal.getsignal(signal.SIGINT) is before

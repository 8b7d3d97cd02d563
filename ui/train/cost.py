"""What a training will take, told before it starts: a step of each stage is tried when somebody asks."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import streamlit as st

from recam_core import UserError
from recam_core.records import Cost, TrainConfig
from recam_core.system.cache import Cache
from recam_core.system.compute_queue import ComputeQueue
from recam_core.training.trial import estimate_apart
from ui.train.problems import Data
from ui.widgets import jobs
from ui.widgets.escaping import plain

COSTS: Cache[Cost] = Cache(64)
TRIALS = ComputeQueue()  # one at a time; who looks at pictures does not wait for them
ASKED = "train-cost"


def show_cost(config: TrainConfig, data: Data) -> None:
    """The estimate of these settings where somebody asked for it, or the button that asks."""
    key = (replace(config, watch=(), seed=0), data.pictures, len(config.watch))
    pressed = st.button(
        "What will it take?",
        icon=":material/timer:",
        key="train-estimate",
        help="Tries a step of each stage with these settings and says time, memory and disk.",
    )
    if not pressed and st.session_state.get(ASKED) != key:
        return
    st.session_state[ASKED] = key
    note = st.empty()

    def waiting(ahead: int) -> None:
        note.info(f"Others try their settings; {ahead} {'trial is' if ahead == 1 else 'trials are'} before yours.")

    try:
        with st.spinner("A few steps are tried …", show_time=True):
            cost = COSTS.get(key) or _tried(key, config, waiting, note.empty)
    except UserError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    note.empty()
    st.info(cost_words(cost), icon=":material/timer:")
    if any(job.status.state == "running" for job in jobs.waiting_jobs()):
        st.caption("Another job is running beside it, so these steps took longer than they will.")


def _tried(key: Any, config: TrainConfig, waiting: Callable[[int], None], check: Callable[[], Any]) -> Cost:
    """Try it when its turn has come; the page's ``check`` ends it where the person has gone on."""
    with TRIALS.take(waiting):
        if (cost := COSTS.get(key)) is None:  # somebody before us may have asked for the same
            cost = estimate_apart(config, check)
            COSTS.put(key, cost)
    return cost


def cost_words(cost: Cost) -> str:
    """Time, steps, memory and disk in one sentence each."""
    first, second = cost.step_seconds
    steps = [
        f"{n:,} steps of {s:.2f} s in stage {k}"
        for k, n, s in ((1, cost.steps[0], first), (2, cost.steps[1], second))
        if n
    ]
    memory = _size_words(cost.memory_mib)
    how = f" ({cost.memory_how})" if cost.memory_how else ""
    return (
        f"About **{jobs.time_words(cost.seconds)}**: {' and '.join(steps)}. "
        f"About {memory} of memory{how} and {_size_words(cost.disk_mib)} on disk."
    )


def _size_words(mib: float) -> str:
    return f"{mib / 1024:.1f} GiB" if mib >= 1000 else f"{max(1, round(mib))} MiB"

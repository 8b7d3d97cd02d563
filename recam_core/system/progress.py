"""A bar beside long work, for notebooks and scripts; commands and pages have their own ways to show it."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

Event = TypeVar("Event")


def progress(events: Iterable[Event]) -> Iterator[Event]:
    """Pass on what long work says as it goes on, with a bar on stderr: ``for event in progress(evaluate(…)): …``.

    Events that say how many there will be (``done`` of ``total``) fill it; of others the bar counts how many came.
    """
    with tqdm(unit="") as bar:
        for event in events:
            bar.total = getattr(event, "total", bar.total)
            bar.update(getattr(event, "done", bar.n + (bar.total is None)) - bar.n)  # a result at the end is no step
            bar.set_postfix_str(getattr(event, "name", ""), refresh=False)
            yield event

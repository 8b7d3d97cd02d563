"""Banks of features and fits, made once and kept for everybody; each step is taken when its turn has come.

The work goes on in the script that asked for it: whoever moves a knob or leaves the page ends it at the next word to the screen.
"""

from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from recam_core import (
    FeatureBank,
    HeatmapOptions,
    ModelPair,
    Picture,
    Refit,
    RefitConfig,
    gather_features,
    refit_heads,
    start_look,
)
from recam_core.system.cache import Cache
from recam_core.training.refit.look import StartLook
from ui.balance.sets import LabelledSet
from ui.compute import engine

BANK_BYTES, FIT_BYTES, LOOK_BYTES = 512 * 2**20, 128 * 2**20, 64 * 2**20
Say = Callable[[int, int], None]  # how many steps are done, of how many
Fit = TypeVar("Fit", FeatureBank, Refit)


class FitStore(Generic[Fit]):
    """What iterators of events end with, bounded by bytes."""

    def __init__(self, max_bytes: int) -> None:
        self.cache: Cache[Fit] = Cache(max_bytes, lambda fit: fit.nbytes)

    def get(
        self, key: Any, begin: Callable[[], Iterator[Any]], count: Callable[[Any], tuple[int, int]], say: Say
    ) -> Fit:
        """What is kept, or made now: ``say`` hears ``count`` of every event but the last, which is the result."""
        if (fit := self.cache.get(key)) is not None:
            return fit
        events, queue = begin(), engine.EVIDENCE.queue
        while True:
            with queue.take():
                if (fit := self.cache.get(key)) is not None:  # somebody else made the same meanwhile
                    return fit
                event = next(events)
            if hasattr(event, "nbytes"):
                break
            say(*count(event))
        self.cache.put(key, event)
        made: Fit = event
        return made


BANKS: FitStore[FeatureBank] = FitStore(BANK_BYTES)
FITS: FitStore[Refit] = FitStore(FIT_BYTES)
LOOKS: engine.TurnCache[StartLook] = engine.TurnCache(LOOK_BYTES, lambda look: look.nbytes, engine.EVIDENCE.queue)


def bank_key(chosen: LabelledSet, pair: ModelPair, last_block: bool) -> tuple[Any, ...]:
    """Model and data: what a bank, and every fit on it, depends on."""
    return pair.sha256, chosen.key, chosen.long_side, last_block


def bank_of(chosen: LabelledSet, pair: ModelPair, last_block: bool, say: Say) -> FeatureBank:
    """The features of a set of pictures."""

    def begin() -> Iterator[Any]:
        dataset, pictures = chosen.open()
        return gather_features(pair, dataset, pictures, chosen.long_side, last_block)

    return BANKS.get(bank_key(chosen, pair, last_block), begin, lambda event: (event.done, event.total), say)


def fit_of(key: tuple[Any, ...], pair: ModelPair, bank: FeatureBank, config: RefitConfig, say: Say) -> Refit:
    """Heads that were fitted on a bank."""
    return FITS.get(
        (key, config), lambda: refit_heads(pair, bank, config), lambda event: (event.step, event.steps), say
    )


def look_of(picture: Picture, pair: ModelPair, options: HeatmapOptions, last_block: bool) -> StartLook:
    """The picture of the page, as fits start from it."""
    key = (picture.sha256, pair.sha256, options, last_block)
    return LOOKS.get(key, lambda: start_look(picture.pixels, pair, options, last_block))

"""Reels waiting to be watched: one bounded store per process; of those that are finished the longest unused goes first."""

from recam_core.system.cache import Cache
from ui.components.player.frame_stream import Reel

MAX_BYTES = 192 * 2**20
MAX_REELS = 256


def reel_store(max_bytes: int = MAX_BYTES, max_reels: int = MAX_REELS) -> Cache[Reel]:
    """A store by id, of so many bytes and reels; one that goes on is not thrown out while somebody works on it or looks.

    A small reel counts as its share of the number, and none as more than the whole: the newest is always there.
    """
    return Cache(
        max_bytes,
        lambda reel: min(max(reel.nbytes(), max_bytes // max_reels), max_bytes),
        needed=lambda reel: reel.needed,
    )


STORE = reel_store()
get = STORE.get


def put(reel: Reel) -> None:
    """Keep a reel, and make room for it."""
    STORE.put(reel.id, reel)

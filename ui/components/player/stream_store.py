"""Frame streams waiting to be watched: one bounded store per process; of the finished ones the longest unused goes first."""

from recam_core.system.cache import Cache
from ui.components.player.frame_stream import FrameStream

MAX_BYTES = 192 * 2**20
MAX_STREAMS = 256


def stream_store(max_bytes: int = MAX_BYTES, max_streams: int = MAX_STREAMS) -> Cache[FrameStream]:
    """A store by id, of so many bytes and streams; one that goes on is not thrown out while somebody works on it or looks.

    A small stream counts as its share of the number, and none as more than the whole: the newest is always there.
    """
    return Cache(
        max_bytes,
        lambda stream: min(max(stream.nbytes(), max_bytes // max_streams), max_bytes),
        needed=lambda stream: stream.needed,
    )


STORE = stream_store()
get = STORE.get


def put(stream: FrameStream) -> None:
    """Keep a stream, and make room for it."""
    STORE.put(stream.id, stream)

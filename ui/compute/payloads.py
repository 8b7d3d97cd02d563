"""Packed payloads waiting to be fetched by the browser: one bounded store per process.

Ids are SHA-256 of the content, so knowing an id means having seen the payload: nobody guesses another person's upload.
"""

from recam_core.records import UserError
from recam_core.system.cache import Cache
from ui.compute.packing import payload_id

MAX_BYTES = 32 * 2**20
STORE: Cache[bytes] = Cache(MAX_BYTES, len)
get = STORE.get


def put(payload: bytes) -> str:
    """Keep a payload and return its id; the same bytes are kept once."""
    if len(payload) > STORE.most:
        raise UserError(
            f"One set of heatmaps may take {STORE.most / 2**20:.0f} MB; this one takes"
            f" {len(payload) / 2**20:.0f} MB. Choose fewer classes or a smaller working size."
        )
    name = payload_id(payload)
    STORE.put(name, payload)
    return name

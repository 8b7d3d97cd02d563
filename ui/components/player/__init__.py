"""The player: frames of one run, or of two side by side, with one scrubber for everything; grown out of the heat view.

Python hands over the ids of streams (``ui.components.player.stream_store``); frames, numbers and progress come by fetch
while they are made, and play, scrub, threshold, colours and charts happen in the browser, without a word to the server.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import streamlit as st

from recam_core.records import DisplayOptions
from ui.components import heatview
from ui.components.modules import bundle, handed_over
from ui.components.player.frame_stream import FrameStream
from ui.components.served import served

PAINTED = ("threshold", "opacity", "palette", "grow")  # settings that the heat view has too
DEFAULTS: dict[str, Any] = {name: asdict(DisplayOptions())[name] for name in PAINTED} | {
    "gain": 16,
    "speed": 4,
    "loop": False,
}

_HERE, _HEAT = Path(__file__).parent, Path(heatview.__file__).parent
_STYLES = (_HEAT / "heatview.css", _HERE / "player.css")

_COMPONENT = st.components.v2.component(
    "recam_player",
    css="\n".join(path.read_text(encoding="utf-8") for path in _STYLES),
    js=bundle(_HERE / "player.js"),
)


def player(
    streams: Sequence[FrameStream],
    *,
    key: str,
    initial: Mapping[str, Any] | None = None,
    on_finished: Callable[[], None] | None = None,
    listens: Sequence[str] = (),
    rest: int | None = None,
) -> Any:
    """Mount the player of one stream or more that `ui.components.player.stream_store.put` has kept.

    ``initial`` (keys of `DEFAULTS`, any subset) counts on the first mount only; afterwards the browser holds them. While frames
    come in, the player shows the newest one, up to that of the index ``rest``, where it stays. The result has
    attributes, each None until it happens: ``settings`` (a dict with the keys of `DEFAULTS`, set when the person lets
    go of a control), ``finished`` (for one run: the id of a stream that was running when it was handed over), and those that
    the page ``listens`` to: ``at`` ({id, index}: the frame where the person came to rest) and ``picked`` ({id, x, y}: the
    position that was clicked, shares of width and height).
    """
    return _COMPONENT(
        key=key,
        data=handed_over(
            {
                "runs": [{"id": r.id, "url": served(f"/api/frames/{r.id}"), "running": r.running} for r in streams],
                "initial": DEFAULTS | {name: value for name, value in (initial or {}).items() if name in DEFAULTS},
                "palettes": heatview.COLOURS,
                "listens": list(listens),
                "rest": rest,
            }
        ),
        on_settings_change=_nothing,
        on_finished_change=on_finished or _nothing,
        on_at_change=_nothing,
        on_picked_change=_nothing,
    )


def _nothing() -> None:
    """Streamlit gives the result an attribute only for names that have a callback."""

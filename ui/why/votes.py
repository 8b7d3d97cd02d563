"""Step 2: the map at a position is a sum over channels; click a position and see who votes."""

import base64

import numpy as np
import streamlit as st

from recam_core.cam.lesson import ChannelVotes, channel_votes, signed_map
from recam_core.images.visualise import colourise, png_bytes
from ui.session.link import write
from ui.why.bars import STYLE, bar
from ui.why.example import Example, show_heat
from ui.why.steps import linked_place
from ui.why.symbols import COLOURS, MAP, F, W, number, signed, tex
from ui.why.task import demo, idea, try_this
from ui.widgets.escaping import plain

AT = "why-at"
VOTES_STYLE = """<style>
.why-votes { grid-template-columns: auto auto minmax(4rem, 1fr) auto; }
.why-votes .small { position: relative; display: block; }
.why-votes img { display: block; width: 3.4rem; border-radius: 3px; image-rendering: pixelated; }
.why-votes .here {
  position: absolute; left: var(--x); top: var(--y); width: 0.5rem; height: 0.5rem; margin: -0.25rem; border: 1.5px solid white;
  border-radius: 50%; box-shadow: 0 0 0 1px black, inset 0 0 0 1px black;
}
.why-votes .sum { grid-column: 1 / -1; height: 1px; background: currentColor; opacity: 0.4; }
</style>"""


def show(example: Example) -> None:
    """The map on the left; on the right the channels that vote at the position that was clicked."""
    features, weight = example.features.of("cam"), example.features.weights["cam"][example.k]
    map_ = signed_map(features, weight)
    key = f"{AT}-{example.subject.picture.sha256[:16]}-{example.subject.model}"
    channels, rows, columns = features.shape
    place, (left, right) = st.container(), demo().columns([1, 1.05], gap="large")
    with left:
        view = show_heat(example, ("cam",), "why-votes")
        with st.container(horizontal=True):
            peak = st.button("Peak of the map", key="why-peak", icon=":material/my_location:")
            weakest = st.button("Lowest place", key="why-lowest")
    linked = linked_place()
    if view.pick:
        st.session_state[key] = (float(view.pick["x"]), float(view.pick["y"]))
    elif peak or weakest or key not in st.session_state:
        cell = np.unravel_index(map_.argmin() if weakest else map_.argmax(), map_.shape)
        here = (example.subject.name, example.subject.model) == st.session_state["linked"][:2]
        st.session_state[key] = (linked if here else None) or example.centre(*map(int, cell))
    at = st.session_state[key]
    write("at", f"{at[0]:.3f},{at[1]:.3f}")
    row, column = example.grid(*at)
    votes = channel_votes(features, weight, row, column)
    with place:
        idea(
            f"The network ends in {channels} small pictures of {columns} × {rows}, its feature maps. CAM weighs them "
            f"with the classifier's own weights ${W}$ and adds them up: the same sum that made the score, position by "
            "position. **Click a position in the map** (or move the cross with the arrow keys and press Enter).",
            rf"\begin{{aligned}}{MAP} &= {W}^{{\!\top}} {F}\\ &= \sum_{{c=1}}^{{{channels}}} {tex('w_{kc}', 'w')}\,"
            rf"{tex('f_c(x)', 'f')} = {tex(f'{votes.total:.3f}', 'map')}\end{{aligned}}",
        )
    with right:
        st.markdown(
            f"At column {column + 1} of {columns}, row {row + 1} of {rows}, for **{plain(example.name)}**: the "
            f"{len(votes.channels)} strongest channels"
        )
        st.html(_table(votes, features, row, column))
        st.container(key="why-aside").caption(
            "Small pictures: the feature map of the channel, light where it is strong; the ring is the position. A "
            "solid bar votes for the class, a hatched one against it; those of the channels are drawn larger than the two below. "
            "The total is the map's raw value here; where it is below 0 the heat view shows nothing."
        )
    best = channel_votes(features, weight, *map(int, np.unravel_index(map_.argmax(), map_.shape)))
    common = len(set(best.channels.tolist()) & set(votes.channels.tolist()))
    try_this(
        "Go to the peak of the map, then click on a part of the object that stays dark. Which channels left?",
        f"At the peak the strongest vote is that of channel {best.channels[0] + 1}, "
        f"{signed(float(best.votes[0]), 3)}, and the total is {number(best.total, 3)}. At the position that is chosen "
        f"now, {common} of those {len(best.channels)} channels are among the strongest, and the total is "
        f"{number(votes.total, 3)}. Other parts of the object answer to other channels; the score is their average "
        "over the picture, so a few loud positions are enough for it.",
    )


def _table(votes: ChannelVotes, features: np.ndarray, row: int, column: int) -> str:
    """Thumbnail, w · f, bar and vote of each channel on a scale of their own, then the rest and the total on another."""
    rows = zip(votes.channels, votes.weights, votes.activations, votes.votes, strict=True)
    low, span = _scale(votes.votes.tolist())
    cells = [
        _line(
            _thumbnail(features[c], int(c), row, column),
            f"channel {c + 1}<br><span class='product'>{_product(w, f)}</span>",
            float(vote),
            low,
            span,
        )
        for c, w, f, vote in rows
    ]
    low, span = _scale([votes.rest, votes.total])
    rest = _line("", f"{votes.others} other channels, summed", votes.rest, low, span) if votes.others else ""
    total = _line(
        "", f'<b style="color:{COLOURS["map"]}">total = A<sub>k</sub>(x)</b>', votes.total, low, span, strong=True
    )
    line = '<span class="sum"></span>'
    return f'{STYLE}{VOTES_STYLE}<div class="why-bars why-votes">{"".join(cells)}{line}{rest}{total}</div>'


def _scale(values: list[float]) -> tuple[float, float]:
    """The lowest value of a scale that holds these and 0, and how far it reaches."""
    low, high = min(0.0, *values), max(0.0, *values)
    return low, max(high - low, 1e-12)


def _line(picture: str, words: str, value: float, low: float, span: float, strong: bool = False) -> str:
    """One row: from zero to the value, hatched where it counts against the class."""
    start, end = (min(0.0, value) - low) / span, (max(0.0, value) - low) / span
    stripe = bar(start, end, COLOURS["map"], zero=-low / span, against=value < 0)
    kind = "number strong" if strong else "number"
    return f'<span>{picture}</span><span>{words}</span>{stripe}<span class="{kind}">{signed(value, 3)}</span>'


def _product(weight: float, activation: float) -> str:
    return (
        f'<span style="color:{COLOURS["w"]}">{number(weight, 3)}</span> · '
        f'<span style="color:{COLOURS["f"]}">{number(activation, 3)}</span>'
    )


def _thumbnail(channel: np.ndarray, c: int, row: int, column: int) -> str:
    """One feature map as a small picture, by its own maximum, with a ring around the position."""
    data = base64.b64encode(png_bytes(colourise(channel / max(float(channel.max()), 1e-12)))).decode()
    x, y = ((place + 0.5) / count for place, count in zip((column, row), channel.shape[::-1], strict=True))
    ring = f'<i class="here" style="--x:{x:.1%};--y:{y:.1%}"></i>'
    return f'<span class="small"><img src="data:image/png;base64,{data}" alt="feature map of channel {c + 1}">{ring}</span>'

"""Panels with labels, outlines and a colour bar as one figure for slides (PNG) and papers (SVG, PDF)."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.text import Text

from recam_core.records import UserError

KINDS = {"png": "image/png", "svg": "image/svg+xml", "pdf": "application/pdf"}
PANEL = 3.2  # inches of a panel's width
DPI = 200
FONTS: dict[Any, Any] = {"pdf.fonttype": 42, "font.family": "DejaVu Sans", "font.size": 10}


@dataclass(frozen=True, eq=False)
class Panel:
    """A picture (H, W, 3) uint8 with a title and words below it; ``values`` (H, W) are outlined at ``level``."""

    picture: np.ndarray
    title: str
    words: str = ""
    values: np.ndarray | None = None
    level: float = 0.0
    boxes: Sequence[tuple[int, int, int, int]] = ()  # x, y, width, height in pixels


@dataclass(frozen=True, eq=False)
class ColourBar:
    """What colours mean: a table (256, 3) uint8 from ``low`` to ``high``, with marks at some values."""

    table: np.ndarray
    words: str
    low: float = 0.0
    high: float = 1.0
    marks: tuple[float, ...] = ()


def figure_bytes(
    rows: Sequence[tuple[str, Sequence[Panel]]], kind: str = "png", *, bar: ColourBar | None = None, footer: str = ""
) -> bytes:
    """Rows of panels, each with its name at the left, as a file of one of ``KINDS``; raises ``UserError`` for another kind."""
    if kind not in KINDS:
        raise UserError(f"A figure can be {', '.join(KINDS)}; got {kind!r}.")
    if not rows or not all(panels for _, panels in rows):
        raise UserError("There is nothing to draw yet; choose at least one map.")
    columns = max(len(panels) for _, panels in rows)
    heights = [max(p.picture.shape[0] / p.picture.shape[1] for p in panels) for _, panels in rows]
    size = (PANEL * columns + (1.0 if bar else 0.3), sum(PANEL * h + 0.6 for h in heights) + 0.35)
    with rc_context(FONTS):
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(len(rows), columns, squeeze=False, height_ratios=heights)
        for line, (name, panels) in zip(axes, rows, strict=True):
            for place in line[len(panels) :]:
                place.set_axis_off()
            for place, panel in zip(line, panels, strict=False):
                _draw(place, panel)
            line[0].set_ylabel(name, fontsize=11, fontweight="bold")
        if bar:
            _colour_bar(figure, axes, bar)
        if footer:
            figure.supxlabel(footer, fontsize=8, color="#555555")
        for text in figure.findobj(Text):
            text.set_parse_math(False)  # names come from outside, and a $ is a dollar
        stream = io.BytesIO()
        figure.savefig(stream, format=kind, dpi=DPI, facecolor="white")
    return stream.getvalue()


def _draw(place: Axes, panel: Panel) -> None:
    height, width = panel.picture.shape[:2]
    place.imshow(panel.picture, extent=(0, width, height, 0), interpolation="antialiased")
    if panel.values is not None and panel.values.min() <= panel.level < panel.values.max():
        centres = np.arange(width) + 0.5, np.arange(height) + 0.5
        for colour, line in (("black", 2.2), ("white", 1.0)):
            place.contour(*centres, panel.values, levels=[panel.level], colors=colour, linewidths=line)
    for x, y, w, h in panel.boxes:
        place.plot([x, x + w, x + w, x, x], [y, y, y + h, y + h, y], color="#ff5a5f", linewidth=1.6)
    place.set(xticks=[], yticks=[], xlim=(0, width), ylim=(height, 0))
    place.set_title(panel.title, fontsize=11, loc="left")
    place.set_xlabel(panel.words, fontsize=9, loc="left")
    for side in place.spines.values():
        side.set_visible(False)


def _colour_bar(figure: Figure, axes: np.ndarray, bar: ColourBar) -> None:
    colours = ScalarMappable(Normalize(bar.low, bar.high), ListedColormap(bar.table / 255))
    drawn = figure.colorbar(colours, ax=axes, shrink=0.9, aspect=24, pad=0.01)
    drawn.set_label(bar.words, fontsize=9)
    drawn.outline.set_visible(False)
    for at in bar.marks:
        drawn.ax.axhline(at, color="black", linewidth=1.6)

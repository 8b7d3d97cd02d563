"""Small charts of labelled bars as HTML: numbers stay text, colours are those of the symbols, a phone can show them."""

from collections.abc import Sequence
from html import escape

STYLE = """<style>
.why-bars {
  display: grid; grid-template-columns: auto minmax(4rem, 1fr) auto; gap: 0.35rem 0.7rem; align-items: center;
  font-variant-numeric: tabular-nums;
}
.why-bars .name { overflow-wrap: anywhere; }
.why-bars .bar {
  position: relative; height: 0.95rem; border-radius: 2px;
  background: color-mix(in srgb, currentColor 8%, transparent);
}
.why-bars .fill {
  position: absolute; inset: 0 auto 0 var(--from); width: max(1px, var(--long)); border-radius: 2px; background: var(--colour);
}
.why-bars .against {
  background: repeating-linear-gradient(135deg, var(--colour) 0 3px, transparent 3px 6px);
  box-shadow: inset 0 0 0 1px var(--colour);
}
.why-bars .zero {
  position: absolute; inset: -0.15rem auto -0.15rem var(--at); width: 1px; background: currentColor; opacity: 0.6;
}
.why-bars .number { text-align: right; white-space: nowrap; }
.why-bars .strong { font-weight: 700; }
</style>"""


def probability_bars(rows: Sequence[tuple[str, float, str]], colour: str, chosen: str) -> str:
    """Bars from 0 to 1: (name, value, what stands behind it); the ``chosen`` name is in bold."""
    cells = [
        f'<span class="name{" strong" if name == chosen else ""}">{escape(name)}</span>{bar(0, value, colour)}'
        f'<span class="number">{escape(text)}</span>'
        for name, value, text in rows
    ]
    return f'{STYLE}<div class="why-bars">{"".join(cells)}</div>'


def bar(low: float, high: float, colour: str, zero: float | None = None, against: bool = False) -> str:
    """One bar between two fractions of its width; hatched where it counts ``against``."""
    line = "" if zero is None else f'<i class="zero" style="--at:{zero:.2%}"></i>'
    kind = "fill against" if against else "fill"
    size = f"--from:{low:.2%};--long:{high - low:.2%};--colour:{colour}"
    return f'<span class="bar"><i class="{kind}" style="{size}"></i>{line}</span>'

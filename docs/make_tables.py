"""Put the measured scores of assets/results into the tables of docs/models.md: ``python docs/make_tables.py``.

A table stands between ``<!-- scores: NAME -->`` and ``<!-- end -->``; NAME.json is the single-scale evaluation, NAME-multi.json
that with four scales, NAME-control.json that of stage 2 with λ = 0.
"""

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "assets" / "results"
PAGE = ROOT / "docs" / "models.md"
LABELS = {"cam": "CAM", "w": "w", "wprime": "w′", "sum": "w⊕w′", "product": "w⊗w′"}


def cells(row: dict[str, Any] | None) -> list[str]:
    """mIoU at its threshold, FP, FN, in percent."""
    if row is None:
        return ["–"] * 3
    return [f"{100 * row['miou']:.1f} at {row['threshold']:.2f}", f"{100 * row['fp']:.1f}", f"{100 * row['fn']:.1f}"]


def readouts(name: str) -> dict[str, Any]:
    """The scores of every readout in a result file; empty where it was not measured."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text("utf-8"))["readouts"] if path.is_file() else {}


def table(name: str) -> str:
    """The Markdown table of one model."""
    single, multi = readouts(name), readouts(f"{name}-multi")
    control, control_multi = readouts(f"{name}-control"), readouts(f"{name}-control-multi")
    lines = [
        "| readout | mIoU, one scale | FP | FN | mIoU, four scales | FP | FN |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    rows = [(LABELS[key], single.get(key), multi.get(key)) for key in LABELS]
    rows.append(("control: w with λ = 0, trained as long", control.get("w"), control_multi.get("w")))
    lines += [f"| {label} | {' | '.join(cells(a) + cells(b))} |" for label, a, b in rows]
    return "\n".join(lines)


def filled(text: str) -> str:
    """The page with every table made anew."""
    return re.sub(
        r"(<!-- scores: (\S+) -->\n).*?(<!-- end -->)",
        lambda match: f"{match[1]}{table(match[2])}\n{match[3]}",
        text,
        flags=re.DOTALL,
    )


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text("utf-8")), "utf-8")

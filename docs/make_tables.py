"""Put what was measured (assets/results) into the tables of the docs: ``python docs/make_tables.py``.

A table stands between ``<!-- scores: NAME -->`` or ``<!-- timings: NAME -->`` and ``<!-- end -->``. For scores NAME.json
is the single-scale evaluation, NAME-multi.json that with four scales, NAME-control.json that of stage 2 with λ = 0; for
timings NAME.json is what ``benchmark --json`` wrote.
"""

import json
import re
from pathlib import Path
from typing import Any

from recam_core.records import READOUT_LABELS, READOUTS

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "assets" / "results"
PAGES = (ROOT / "docs" / "models.md", ROOT / "docs" / "benchmarks.md")


def cells(row: dict[str, Any] | None) -> list[str]:
    """mIoU at its threshold, FP, FN, in percent."""
    if row is None:
        return ["–"] * 3
    return [f"{100 * row['miou']:.1f} at {row['threshold']:.2f}", f"{100 * row['fp']:.1f}", f"{100 * row['fn']:.1f}"]


def readouts(name: str) -> dict[str, Any]:
    """The scores of every readout in a result file; empty where it was not measured."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text("utf-8"))["readouts"] if path.is_file() else {}


def score_table(name: str) -> str:
    """The Markdown table of one model."""
    single, multi = readouts(name), readouts(f"{name}-multi")
    control, control_multi = readouts(f"{name}-control"), readouts(f"{name}-control-multi")
    lines = [
        "| readout | mIoU, one scale | FP | FN | mIoU, four scales | FP | FN |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    rows = [(READOUT_LABELS[key], single.get(key), multi.get(key)) for key in READOUTS]
    rows.append(("control: w with λ = 0, trained as long", control.get("w"), control_multi.get("w")))
    lines += [f"| {label} | {' | '.join(cells(a) + cells(b))} |" for label, a, b in rows]
    return "\n".join(lines)


def timing_table(name: str) -> str:
    """Hardware, date and the rows of a benchmark."""
    path = RESULTS / f"{name}.json"
    if not path.is_file():
        return "Not measured yet."
    report = json.loads(path.read_text("utf-8"))
    lines = [
        f"{report['device']}, torch {report['torch']}, {report['date'][:10]}.",
        "",
        "| row | shape | ours | other form | ratio | peak memory, ours / other | note |",
        "|---|---|--:|--:|--:|--:|---|",
    ]
    for row in report["rows"]:
        plain = f"{row['plain_s']:.3f} s" if row["plain_s"] is not None else "–"
        ratio = f"{row['ratio']:.2f}" if row["ratio"] is not None else "–"
        memory = f"{row['ours_mib']:.1f} / {row['plain_mib']:.1f} MiB" if row["ours_mib"] is not None else "–"
        cells = (f"`{row['name']}`", row["shape"], f"{row['ours_s']:.3f} s", plain, ratio, memory, row["note"])
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


TABLES = {"scores": score_table, "timings": timing_table}


def filled(text: str) -> str:
    """The page with every table made anew."""
    return re.sub(
        r"(<!-- (scores|timings): (\S+) -->\n).*?(<!-- end -->)",
        lambda match: f"{match[1]}{TABLES[match[2]](match[3])}\n{match[4]}",
        text,
        flags=re.DOTALL,
    )


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(filled(page.read_text("utf-8")), "utf-8")

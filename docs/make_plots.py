"""Draw what the study measured (assets/results) as pictures for the docs: ``PYTHONPATH=. python docs/make_plots.py``."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
from make_tables import measured, read

from recam_core.networks.readouts import READOUTS

IMAGES = Path(__file__).parent / "images"
POSITIVE = "product of positive weights"
VOC = {"miou": 48.8, "threshold": (15, 30), "fp": 26.5, "fn": 26.2}  # seed CAM on VOC train, thresholds in use
STUDIES = {
    "voc-seeds": ("VOC train, λ = 1", "train, one scale"),
    "voc-small-lambda": ("VOC train, λ = 0.1", "train, one scale"),
    "coco-folds": ("COCO it never saw", "one scale"),
    "scenes-seeds": ("scenes, test", "one scale"),
    "photos-seeds": ("photos it was trained on", "one scale"),
    "photos-folds": ("photos it never saw", "one scale"),
}


def draw_generators() -> plt.Figure:
    """CAM's figures for every generator beside those of VOC."""
    result = needed("study-scenes-generator")
    figure, axes = plt.subplots(1, 4, figsize=(11, 0.35 * len(result["rows"]) + 1.6), sharey=True, layout="constrained")
    names = [row["name"] for row in result["rows"]][::-1]
    for axis, (key, title) in zip(
        axes,
        {"threshold": "best threshold × 100", "fp": "FP, %", "fn": "FN, %", "miou": "mIoU, %"}.items(),
        strict=True,
    ):
        values = [100 * row["cam"]["four scales"][key] for row in result["rows"]][::-1]
        colours = ["#4477aa" if name == result["chosen"] else "#b0b5bf" for name in names]
        axis.barh(names, values, color=colours)
        low, high = VOC[key] if isinstance(VOC[key], tuple) else (VOC[key] - 0.2, VOC[key] + 0.2)
        axis.axvspan(low, high, color="#ee7733", alpha=0.45, lw=0)
        axis.set_title(title, fontsize=10)
    figure.suptitle(
        "CAM on the validation scenes of each generator, four scales; orange: seed CAM on VOC train", fontsize=11
    )
    return figure


def draw_recipes(name: str) -> plt.Figure:
    """mIoU of every readout of every variant of stage 2, relative to CAM; dashed: the control."""
    result = needed(f"study-{name}-recipes")
    figure, axis = plt.subplots(figsize=(11, 0.62 * len(result["rows"]) + 1.4), layout="constrained")
    titles = {key: READOUTS[key].label for key in measured()[1:]} | {
        POSITIVE: "w⊗w′ with the negative weights set to 0"
    }
    for i, row in enumerate(reversed(result["rows"])):
        cam = row["readouts"]["cam"]["miou"]
        learnt = row["changes"].get("recam_weight") != 0
        for j, (key, title) in enumerate(titles.items()):
            gain = 100 * (row["readouts"][key]["miou"] - cam)
            hatch = {"hatch": "////", "fill": False} if key == POSITIVE else {}
            once = title if i == 0 else None
            if learnt or key == "w":  # with λ = 0 FC2 learns nothing
                axis.barh(i + 0.3 - 0.15 * j, gain, 0.14, color=colour(key), edgecolor=colour(key), label=once, **hatch)
            if not learnt:
                axis.axvline(100 * (row["readouts"]["w"]["miou"] - cam), color=colour("w"), ls="--", lw=1)
    figure.legend(loc="outside lower center", ncols=len(titles), fontsize=9)
    axis.set_yticks(range(len(result["rows"])), [label(row) for row in reversed(result["rows"])], fontsize=9)
    axis.margins(y=0.02)
    axis.axvline(0, color="black", lw=0.8)
    axis.set_xlabel("mIoU over CAM of the same stage 1, points (dashed: w of the control, λ = 0)")
    axis.set_title(f"What each change to stage 2 does ({name}, {result['split']}, one seed)", fontsize=11)
    return figure


def draw_gains() -> plt.Figure:
    """Gain of each readout over CAM and over the control, with its interval, on every test."""
    figure, axes = plt.subplots(2, len(STUDIES) // 2, figsize=(11, 6), sharey=True, layout="constrained")
    for axis, (study, (title, view)) in zip(axes.flat, STUDIES.items(), strict=True):
        table = needed(f"study-{study}")["views"][view]["readouts"]
        for i, key in enumerate(measured()[1:]):
            for shift, other, marker in ((-0.14, "over_cam", "o"), (0.14, "over_control", "s")):
                gain = table[key][other]
                if gain is None:
                    continue
                error = [[100 * (gain["mean"] - gain["low"])], [100 * (gain["high"] - gain["mean"])]]
                axis.errorbar(
                    i + shift, 100 * gain["mean"], error, fmt=marker, color=colour(key), capsize=3,
                    fillstyle="full" if other == "over_cam" else "none",
                )  # fmt: skip
        axis.axhline(0, color="black", lw=0.8)
        axis.set_xticks(range(len(measured()) - 1), [READOUTS[key].label for key in measured()[1:]])
        axis.set_title(title, fontsize=10)
    for axis in axes[:, 0]:
        axis.set_ylabel("mIoU gained, points")
    figure.suptitle(
        "Filled: over CAM. Hollow: over the control (w after the same training with λ = 0). Bars: 95 %", fontsize=10
    )
    return figure


def colour(key: str) -> str:
    """The colour that a readout has in the app."""
    return READOUTS["product" if key == POSITIVE else key].colour


def label(row: dict[str, Any]) -> str:
    """Name of a variant, with how far SCE fell."""
    if not any(row["sce"]):
        return str(row["name"])
    return f"{row['name']}\nSCE {row['sce'][0]:.2f} → {row['sce'][-1]:.2f}"


def needed(name: str) -> dict[str, Any]:
    """A result file that must be there."""
    result = read(name)
    if result is None:
        raise SystemExit(f"assets/results/{name}.json is missing: run the study first.")
    return result


if __name__ == "__main__":
    mpl.rcParams.update(
        {"svg.hashsalt": "recam", "font.family": "DejaVu Sans", "axes.spines.top": False, "axes.spines.right": False}
    )
    plots = {
        "study-generators": draw_generators(),
        "study-scenes-recipes": draw_recipes("scenes"),
        "study-photos-recipes": draw_recipes("photos"),
        "study-gains": draw_gains(),
    }
    for name, figure in plots.items():
        figure.savefig(IMAGES / f"{name}.png", dpi=110, metadata={"Software": None})

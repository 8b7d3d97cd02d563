"""Put what was measured (assets/results) into the tables of the docs: ``PYTHONPATH=. python docs/make_tables.py``.

A table stands between ``<!-- KIND: NAME -->`` and ``<!-- end -->``. NAME.json is what ``study`` wrote (kinds generators,
recipes, seeds, changes, when, half, walks), ``tune_climb.py`` (climbs, climbed) or ``benchmark --json`` (timings; NAME/PART for
some of its rows). Kind aims sets results of the study beside what was aimed at, kind precisions shows the calibration in the
card of the model NAME.
"""

import json
import re
from pathlib import Path
from typing import Any

from recam_core.checkpoints.pair_file import find_model, read_header
from recam_core.networks.readouts import READOUTS

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "assets" / "results"
PAGES = tuple(
    ROOT / "docs" / name for name in ("models.md", "benchmarks.md", "machines.md", "tutorials/segmentation.md")
)
SETS = {"VOC": 10_582, "COCO": 118_287}  # pictures to train on, VOC's with SBD's
PROCESSES = (1, 8, 64)
WORK = {
    "seeds": "`seeds`",
    "climb": "`seeds --refine climb`",
    "walk": "`seeds --refine walk`",
    "boundary": "`train-boundary`",
}
ALONE = "boundary"  # is one process
CLASSES_WIDE = 4  # so many beside each other in a table of classes
WALKS = {"reference": "the reference's walk", "chosen": "the walk chosen"}
LABELS = {name: row.label for name, row in READOUTS.items()} | {"control": "control: w with λ = 0, trained as long"}


def read(name: str) -> dict[str, Any] | None:
    """A result file, or None where nothing was measured."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text("utf-8")) if path.is_file() else None


def measured() -> list[str]:
    """The readouts that there were when the study was made: a row that came later has no figures yet."""
    study = read("study-scenes-seeds") or {"views": {"one scale": {"readouts": {}}}}
    return [name for name in READOUTS if name in study["views"]["one scale"]["readouts"]]


def percent(fraction: float, sign: bool = False) -> str:
    """A fraction in percent with one digit."""
    return f"{100 * fraction:{'+' if sign else ''}.1f}"


def interval(gain: dict[str, float] | None) -> str:
    """A gain with its 95 % interval, in points; a dash where it was not measured."""
    if gain is None:
        return "–"
    return f"{percent(gain['mean'], True)} ({percent(gain['low'], True)} … {percent(gain['high'], True)})"


def generator_table(name: str) -> str:
    """CAM of every generator at one and at four scales."""
    result = read(name)
    if result is None:
        return "Not measured yet."
    lines = [
        made(result),
        "",
        "| generator | best threshold, one / four scales | mIoU | FP | FN | precision | recall |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for row in result["rows"]:
        one, four = row["cam"]["one scale"], row["cam"]["four scales"]
        pairs = [f"{percent(one[key])} / {percent(four[key])}" for key in ("miou", "fp", "fn", "precision", "recall")]
        title = f"**{row['name']}**" if row["name"] == result["chosen"] else row["name"]
        lines.append(f"| {title} | {one['threshold']:.2f} / {four['threshold']:.2f} | {' | '.join(pairs)} |")
    return "\n".join(lines)


def recipe_table(name: str) -> str:
    """mIoU of every readout of every variant of stage 2; nothing where it was not measured."""
    result = read(name)
    if result is None:
        return ""
    columns = [*measured(), "product of positive weights"]
    titles = [*(READOUTS[key].label for key in measured()), "w⊗w′, positive weights only"]
    lines = [
        made(result),
        "",
        f"| variant | {' | '.join(titles)} | of what w claims, on background | SCE, first → last epoch | both negative |",
        "|---|" + "--:|" * (len(columns) + 3),
    ]
    for row in result["rows"]:
        learnt = columns if any(row["sce"]) else ("cam", "w")  # with λ = 0 FC2 learns nothing
        cells = [percent(row["readouts"][key]["miou"]) if key in learnt else "–" for key in columns]
        sce, both = row["sce"], percent(row["weights"]["both_negative"])
        title = f"**{row['name']}**" if row["name"] == result.get("chosen") else row["name"]
        elsewhere = row["readouts"]["w"].get("on_background")
        cells.append("–" if elsewhere is None else f"{percent(elsewhere)} %")
        cells += [f"{sce[0]:.2f} → {sce[-1]:.2f}", f"{both} %"] if any(sce) else ["–", "–"]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def seed_tables(name: str) -> str:
    """Mean and spread over the seeds, gains over CAM and over the control with their intervals."""
    result = read(name)
    if result is None:
        return "Not measured yet."
    lines = [made(result)]
    for view, table in result["views"].items():
        runs = len(table["readouts"]["cam"]["runs"])
        mean = f"mean of {runs} seeds ± standard deviation" if runs > 1 else "one seed"
        lines += [
            "",
            f"{view[0].upper()}{view[1:]}, {table['pictures']} pictures, {mean}:",
            "",
            "| readout | mIoU | threshold | FP | FN | over CAM (95 %) | over the control (95 %) |",
            "|---|--:|--:|--:|--:|--:|--:|",
        ]
        for key, row in table["readouts"].items():
            spread = "" if row["spread"] is None else f" ± {percent(row['spread'])}"
            gains = ["–" if key == side else interval(row[f"over_{side}"]) for side in ("cam", "control")]
            cells = [
                f"{percent(row['miou'])}{spread}",
                f"{row['threshold']:.2f}",
                percent(row["fp"]),
                percent(row["fn"]),
            ]
            lines.append(f"| {LABELS[key]} | {' | '.join(cells + gains)} |")
    return "\n".join(lines)


def change_table(name: str) -> str:
    """mIoU of every readout with one thing changed in stage 2, with the gain over CAM."""
    result = read(name)
    if result is None:
        return "Not measured yet."
    lines = [
        made(result),
        "",
        f"| stage 2 | {' | '.join(READOUTS[key].label for key in measured())} | SCE, first → last epoch |",
        "|---|" + "--:|" * (len(measured()) + 1),
    ]
    for row in result["rows"]:
        cells = [
            f"{percent(row[key]['miou'])} [{interval(row[key]['over_cam'])}]" if key in row else "–"
            for key in measured()
        ]
        cells[0] = percent(row["cam"]["miou"])
        sce = f"{row['sce'][0]:.2f} → {row['sce'][-1]:.2f}" if any(row["sce"]) else "–"
        lines.append(f"| {row['name']} | {' | '.join(cells)} | {sce} |")
    return "\n".join(lines)


def when_table(name: str) -> str:
    """Gain of every readout over CAM at each point of the map, for each λ; what the interval does not reach is bold."""
    result = read(name)
    if result is None:
        return "Not measured yet."
    names = [f"{weight:g}" for weight in result["lambdas"]]
    columns = [(weight, key) for weight in names for key in measured() if key != "cam"]
    lines = [
        made(result),
        "",
        f"| body | objects | together | CAM | control | "
        f"{' | '.join(f'{READOUTS[key].label}, λ {weight}' for weight, key in columns)} | BCE |",
        "|--:|---|--:|--:|--:|" + "--:|" * (len(columns) + 1),
    ]
    for row in result["rows"]:
        knobs, first = row["knobs"], row["readouts"][names[0]]
        low, high = knobs["radius"]
        cells = [
            f"{knobs['body_contrast']:g}",
            f"{low:g}–{high:g}",
            f"{knobs['together']:g}",
            percent(first["cam"]["miou"]),
        ]
        gains = [first["control"]["over_cam"], *(row["readouts"][weight][key]["over_cam"] for weight, key in columns)]
        cells += [
            f"**{percent(g['mean'], True)}**" if g["low"] > 0 or g["high"] < 0 else percent(g["mean"], True)
            for g in gains
        ]
        lines.append(f"| {' | '.join(cells)} | {row['bce']:.2f} of {row['bce_of_chance']:.2f} |")
    for weight, key in columns:
        gains = [row["readouts"][weight][key]["over_cam"] for row in result["rows"]]
        up, down = sum(gain["low"] > 0 for gain in gains), sum(gain["high"] < 0 for gain in gains)
        lines += [
            "",
            f"{READOUTS[key].label} with λ = {weight}: above CAM at {up} of {len(gains)} points, below at {down}.",
        ]
    return "\n".join(lines)


def half_table(name: str) -> str:
    """mIoU of every readout with float32 and with half-precision weights."""
    result = read(name)
    if result is None:
        return "Not measured yet."
    lines = [
        made(result),
        "",
        f"| weights | {' | '.join(READOUTS[key].label for key in measured())} |",
        "|---|" + "--:|" * len(measured()),
    ]
    for weights, rows in result["readouts"].items():
        cells = [f"{100 * rows[key]['miou']:.2f}" for key in measured()]
        lines.append(f"| {weights} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", f"Largest difference: {100 * result['largest_difference']:.2f} points."])


def walk_table(name: str) -> str:
    """Every readout before and after the walk, of each split that was scored."""
    result = read(name)
    if result is None:
        return "Not measured yet."
    splits = result.get("splits") or {result["split"]: result}
    parts = [_walk_rows(split, table, result["chosen_on"]) for split, table in splits.items()]
    return "\n".join([made(result), *(line for part in parts for line in part)])


def _walk_rows(split: str, table: dict[str, Any], chosen_on: str) -> list[str]:
    """mIoU before the walk, and after it with its gain: each boundary, the reference's walk and the chosen."""
    columns = [(source, title) for source, titles in table["boundaries"].items() for title in titles]
    titles = [f"{source}, {WALKS[title]}" for source, title in columns]
    lines = [
        "",
        f"{table['pictures']} pictures of `{split}`, one scale; walks and thresholds chosen on {chosen_on}. "
        "In brackets the gain over the same readout before the walk (95 %).",
        "",
        f"| readout | before | {' | '.join(titles)} |",
        "|---|" + "--:|" * (len(columns) + 1),
    ]
    for key in measured():
        cells = [percent(table["before"][key]["miou"])]
        for source, title in columns:
            row = table["boundaries"][source][title][key]
            cells.append(f"{percent(row['miou'])} [{interval(row['gain'])}]")
        lines.append(f"| {READOUTS[key].label} | {' | '.join(cells)} |")
    for source, titles_of in table["boundaries"].items():
        rows = titles_of["chosen"]
        chosen = (
            f"{READOUTS[key].label} {_walks(rows[key]['walks'])} at {rows[key]['threshold']:.2f}" for key in measured()
        )
        lines += ["", f"Chosen with {source} boundaries: {'; '.join(chosen)}."]
    return lines


def climb_words(result: dict[str, Any], of: str = "") -> str:
    """What was climbed, and on what."""
    return (
        f"`tune_climb.py {result['model']}`, {result['date']}, {result['settings']['steps']} steps{of}: {result['objects']} "
        f"objects in {result['pictures']} pictures of `{result['split']}`, long side {result['long_side']}."
    )


def climb_table(name: str) -> str:
    """IoU before and after a climb for each ξ and μ that was tried."""
    result = read(name)
    if result is None:
        return "Not measured yet."
    lines = [
        climb_words(result, f" of {READOUTS[result['readout']].label}"),
        "",
        "| ξ | grey levels | μ | IoU before | after | best at step |",
        "|--:|--:|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {row['xi']:g} | {row['xi_grey_levels']:g} | {row['mu']:g} | {percent(row['iou_before'])} | {percent(row['iou'])} "
        f"| {row['best_step']} |"
        for row in sorted(result["rows"], key=lambda row: (row["xi"], row["mu"]))
    ]
    return "\n".join(lines)


def climbed_table(name: str) -> str:
    """IoU of each readout before and after a climb, on pictures that nothing was chosen on."""
    result = read(name)
    if result is None:
        return "Not measured yet."
    lines = [
        climb_words(result),
        "",
        "| readout | ξ | μ | IoU before | after | best | at step |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for readout, (row,) in result["readouts"].items():
        figures = [percent(value) for value in (row["iou_before"], row["iou"], max(row["iou_by_step"]))]
        settings = f"{row['xi']:g} | {row['mu']:g}"
        lines.append(f"| {READOUTS[readout].label} | {settings} | {' | '.join(figures)} | {row['best_step']} |")
    return "\n".join(lines)


def precision_table(name: str) -> str:
    """Average precision of each class, the weakest first, and what the card makes of probabilities."""
    calibration = read_header(find_model(name))["card"]["calibration"]
    precisions = sorted(calibration["average_precision"].items(), key=lambda pair: pair[1])
    rows = -(-len(precisions) // CLASSES_WIDE)
    lines = [
        f"mAP {percent(calibration['mean_ap'])} on {calibration['pictures']} pictures of {calibration['split']}; temperature "
        f"{calibration['temperature']:g}, preselected above {calibration['preselect']:g}.",
        "",
        "| class | AP " * CLASSES_WIDE + "|",
        "|---|--:" * CLASSES_WIDE + "|",
    ]
    for i in range(rows):
        cells = (f"{label} | {percent(value)}" for label, value in precisions[i::rows])
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def aims_table(name: str) -> str:
    """What was hoped for before the trainings, with the reference's figures, beside what was measured."""
    seeds, small, walk, coco = (
        read(f"study-{part}") for part in ("voc-seeds", "voc-small-lambda", "voc-walk", "coco-folds")
    )
    if not (seeds and small and walk and coco):
        return "Not measured yet."
    views = {weight: result["views"] for weight, result in (("1", seeds), ("0.1", small))}
    cam = {
        scales: percent(seeds["views"][f"train, {scales}"]["readouts"]["cam"]["miou"])
        for scales in ("one scale", "four scales")
    }
    walked = walk["splits"]["train"]["boundaries"]["learned"]["chosen"]
    ranking = read_header(find_model(name))["card"]["calibration"]["mean_ap"]
    rows = [
        ("CAM on VOC `train`, one scale", "48.8", "≥ 45", cam["one scale"]),
        ("the same, four scales", "", "≥ 48", cam["four scales"]),
    ]
    for split, aim in (("train", "≥ +3, interval above 0"), ("val", "≥ +2")):
        for weight, tables in views.items():
            readouts = tables[f"{split}, one scale"]["readouts"]
            for side, other in (("cam", "CAM"), ("control", "the control")):
                gains = {key: readouts[key][f"over_{side}"] for key in measured() if key != "cam"}
                rows.append(
                    (
                        f"best readout over {other}, `{split}`, λ = {weight}, three seeds",
                        "about +6",
                        aim,
                        best_gain(gains),
                    )
                )
    rows += [
        ("after the walk, `train`", "+17.7", "≥ +8", best_gain({key: walked[key]["gain"] for key in measured()})),
        ("mAP on `val`", "–", "≥ 80", percent(ranking)),
    ]
    gains = {key: coco["views"]["one scale"]["readouts"][key]["over_cam"] for key in measured() if key != "cam"}
    rows.append(("best readout over CAM, COCO, four folds", "–", "≥ +2, interval above 0", best_gain(gains)))
    return "\n".join(
        ["| what | reference | aim | measured |", "|---|--:|--:|---|", *(f"| {' | '.join(row)} |" for row in rows)]
    )


def best_gain(gains: dict[str, Any]) -> str:
    """The highest gain, and where its interval holds 0 the highest of those whose interval does not."""
    best = max(gains, key=lambda key: gains[key]["mean"])
    sure = [key for key in gains if gains[key]["low"] > 0]
    shown = dict.fromkeys([best, *([max(sure, key=lambda key: gains[key]["mean"])] if sure else [])])
    return "; ".join(f"{LABELS[key]} {interval(gains[key])}" for key in shown)


def _walks(walks: list[dict[str, float]]) -> str:
    """β and t of the walks that were chosen, each once."""
    return " or ".join(dict.fromkeys(f"β {walk['beta']:g}, t {walk['steps']}" for walk in walks))


def made(result: dict[str, Any]) -> str:
    """Which command made it, when, on what."""
    return f"`{result['command']}`, {result['date']}, {result['device']}, torch {result['torch']}, scored on `{result['split']}`."


def timing_table(name: str) -> str:
    """Hardware, date and the rows of a benchmark; FILE/PART are those rows of a file whose names begin with PART."""
    file, _, part = name.partition("/")
    report = read(file)
    if report is None:
        return "Not measured yet."
    rows = [row for row in report["rows"] if row["name"].startswith(f"{part}/" if part else "")]
    lines = [
        f"{report['device']}, torch {report['torch']}, {report['date'][:10]}.",
        "",
        "| row | shape | ours | other form | ratio | peak memory, ours / other | note |",
        "|---|---|--:|--:|--:|--:|---|",
    ]
    for row in rows:
        plain = f"{row['plain_s']:.3f} s" if row["plain_s"] is not None else "–"
        ratio = f"{row['ratio']:.2f}" if row["ratio"] is not None else "–"
        memory = f"{row['ours_mib']:.1f} / {row['plain_mib']:.1f} MiB" if row["ours_mib"] is not None else "–"
        cells = (f"`{row['name']}`", row["shape"], f"{row['ours_s']:.3f} s", plain, ratio, memory, row["note"])
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def cost_table(name: str) -> str:
    """Hours of each work on each set, by the seconds that a picture was measured to cost one process, and what they go to."""
    report = read(name)
    if report is None:
        return "Not measured yet."
    rows = {row["name"].partition("/")[2]: row for row in report["rows"]}
    heads = [f"{title}, {n}" for title in SETS for n in PROCESSES]
    lines = [
        f"{report['device']}, torch {report['torch']}, {report['date'][:10]}; one thread a process, {rows['seeds']['shape']}, "
        f"{rows['decoding']['note']}.",
        "",
        f"| work | pictures a second | {' | '.join(heads)} | of a picture's time |",
        "|---|" + "--:|" * (len(heads) + 1) + "---|",
    ]
    for work, title in WORK.items():
        seconds = rows[work]["ours_s"]
        hours = [
            hours_words(seconds * pictures / 3600 / n) if n == 1 or work != ALONE else "–"
            for pictures in SETS.values()
            for n in PROCESSES
        ]
        lines.append(f"| {title} | {1 / seconds:.2g} | {' | '.join(hours)} | {rows[work]['note']} |")
    return "\n".join(lines)


def hours_words(hours: float) -> str:
    """Two digits: minutes below an hour, days from two on."""
    if hours < 1:
        return f"{60 * hours:.0f} min"
    return f"{hours:.1f} h" if hours < 10 else f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.1f} d"


def network_table(name: str) -> str:
    """mIoU of the networks that learned from each set, each seed, and their gain over those of the first set."""
    result = read(name)
    if result is None:
        return "Not measured yet."
    learned = result["learned_from"]
    lines = [
        f"{made(result)} {result['pictures']} pictures there; {result['backbone']}, {result['epochs']} epochs of crops of "
        f"{result['side']} pixels in batches of {result['batch']}.",
        "",
        "| masks of | pictures | mIoU, seed by seed | over the first (95 %) |",
        "|---|--:|--:|--:|",
    ]
    for row in result["rows"]:
        runs = ", ".join(percent(miou) for miou in row["miou"])
        lines.append(f"| {row['set']} | {learned[row['set']]} | {runs} | {interval(row['over'])} |")
    return "\n".join(lines)


TABLES = {
    "costs": cost_table,
    "networks": network_table,
    "generators": generator_table,
    "recipes": recipe_table,
    "seeds": seed_tables,
    "half": half_table,
    "changes": change_table,
    "when": when_table,
    "walks": walk_table,
    "climbs": climb_table,
    "climbed": climbed_table,
    "precisions": precision_table,
    "aims": aims_table,
    "timings": timing_table,
}


def filled(text: str) -> str:
    """The page with every table made anew."""
    return re.sub(
        r"(<!-- (\w+): (\S+) -->\n).*?(<!-- end -->)",
        lambda match: f"{match[1]}{TABLES[match[2]](match[3])}\n{match[4]}",
        text,
        flags=re.DOTALL,
    )


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(filled(page.read_text("utf-8")), "utf-8")

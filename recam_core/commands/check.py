"""``check``: what is in a data set and what is wrong with it, before anybody trains on it."""

import argparse
import dataclasses
import json
import sys
from pathlib import Path

from recam_core.commands.options import report
from recam_core.datasets import DATASETS
from recam_core.datasets.check import NAMED, check_dataset
from recam_core.records import DataReport
from recam_core.system.files import parent_for, save_atomically

SHOWN = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which data set, and where the report goes."""
    parser.add_argument("--dataset", required=True, choices=list(DATASETS))
    parser.add_argument("--root", default="", help="folder of the data set")
    parser.add_argument(
        "--split", default="", help="e.g. train, train_aug, val2017; none for a folder that is not divided"
    )
    parser.add_argument("--json", type=Path, help="write the report there")
    parser.add_argument("--json-lines", action="store_true", help="progress as JSON lines on stdout")


def run(arguments: argparse.Namespace) -> None:
    """Look at every picture and say what was found."""
    target = parent_for(arguments.json) if arguments.json else None
    try:
        for event in report(check_dataset(arguments.dataset, arguments.root, arguments.split), arguments.json_lines):
            if not isinstance(event, DataReport):
                continue
            if target:
                save_atomically(target, _json(event))
            if not arguments.json_lines:
                print("\n".join(lines(event)))
    except KeyboardInterrupt:
        print("\nStopped. A check keeps nothing: the same command starts from the beginning.", file=sys.stderr)
        raise


def _json(report: DataReport) -> bytes:
    """The report; a byte of a path that is not UTF-8 becomes an escape of JSON."""
    return json.dumps(dataclasses.asdict(report), indent=1, ensure_ascii=False).encode("utf-8", "backslashreplace")


def lines(report: DataReport) -> list[str]:
    """The report in words and a table."""
    width = max((len(name) for name in report.classes), default=0)
    counts = sorted(zip(report.per_class, report.classes, strict=True), key=lambda row: (-row[0], row[1]))
    texts = [f"{count:8}  {name:{width}}" for count, name in counts if count]
    texts += [f"{report.unlabelled:8}  without any label"] if report.unlabelled else []
    if report.empty_classes:
        texts.append(f"Without a picture: {', '.join(report.empty_classes)}")
    texts += _faults("missing", [(name, "") for name in report.missing], report.missing_count)
    texts += _faults("broken", report.broken, report.broken_count)
    return [*texts, *report.notes]


def _faults(word: str, named: list[tuple[str, str]] | tuple[tuple[str, str], ...], count: int) -> list[str]:
    if not count:
        return []
    shown = [f"  {name}{': ' if reason else ''}{reason}" for name, reason in named[:SHOWN]]
    more = [f"  … and {count - SHOWN} more; --json FILE names {min(count, NAMED)}"] if count > SHOWN else []
    return [f"{count} {word}:", *shown, *more]

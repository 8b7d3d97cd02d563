"""``benchmark``: paired timings as a table, and as JSON for the docs."""

import argparse
import dataclasses
import json
from datetime import UTC, datetime
from pathlib import Path

import torch

from recam_core.experiments.benchmarks import BENCHMARKS, Row
from recam_core.system.device import device_name, pick_device
from recam_core.system.files import parent_for, save_atomically


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which benchmark, where, and where to write."""
    parser.add_argument("what", nargs="?", default="all", choices=[*BENCHMARKS, "all"])
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--json", type=Path, help="write the rows there")


def run(arguments: argparse.Namespace) -> None:
    """Measure, print each row when it is there, write."""
    device = pick_device(arguments.device)
    target = parent_for(arguments.json) if arguments.json else None
    chosen = BENCHMARKS.values() if arguments.what == "all" else [BENCHMARKS[arguments.what]]
    rows: dict[str, Row] = {}
    print(f"{device_name(device)}, torch {torch.__version__}\n{'':22}{'ours':>9}{'plain':>9}{'ratio':>8}{'MiB':>15}")
    for rows_of in chosen:
        for row in rows_of(device):
            rows[row.name] = row
            print(line(row), flush=True)
    if target:
        report = {
            "device": device_name(device),
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "rows": [dataclasses.asdict(row) for row in rows.values()],
        }
        save_atomically(target, json.dumps(report, indent=1, ensure_ascii=False).encode())


def line(row: Row) -> str:
    """A row for the screen: seconds, ratio, peak memory, and what it means."""
    plain = f"{row.plain_s:8.3f}s" if row.plain_s is not None else " " * 9
    ratio = f"{row.ratio:7.2f}×" if row.ratio is not None else " " * 8
    memory = f"{row.ours_mib:7.1f}/{row.plain_mib:.1f}" if row.ours_mib is not None else ""
    return f"{row.name:22}{row.ours_s:8.3f}s{plain}{ratio}{memory:>15}  {row.note}"

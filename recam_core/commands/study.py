"""``study``: the comparison behind the bundled models, part by part, each with a result file."""

import argparse
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from recam_core.commands.options import report
from recam_core.experiments.study import PARTS, Part, Workplace
from recam_core.records import UserError
from recam_core.system.device import device_name, keep_freed_memory, pick_device
from recam_core.system.files import parent_for, save_atomically

DATA_SETS = ", ".join(dict.fromkeys(part.split("-")[0] for part in PARTS))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which parts, where the data is, where runs and results go."""
    parser.add_argument("parts", nargs="+", metavar="PART", help=f"{DATA_SETS}, or some of {', '.join(PARTS)}")
    parser.add_argument(
        "--root", default="", help="folder of coco128 for the parts on photos, of MS COCO or Pascal VOC for the others"
    )
    parser.add_argument(
        "--runs", type=Path, default=Path("runs/study"), help="folder of its training runs (%(default)s)"
    )
    parser.add_argument(
        "--results", type=Path, default=Path("runs/study/results"), help="folder of its result files (%(default)s)"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--threads", type=int, default=0, help="processor threads (all)")
    parser.add_argument("--json-lines", action="store_true", help="progress as JSON lines on stdout")


def run(arguments: argparse.Namespace) -> None:
    """Run the parts one after the other; what is there already is not made again."""
    parts = chosen_parts(arguments.parts)
    if arguments.threads < 0:
        raise UserError(f"--threads must be 0 (all) or more; got {arguments.threads}.")
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    keep_freed_memory()
    device = pick_device(arguments.device)
    place = Workplace(arguments.runs, device, arguments.root)
    for part in parts:
        target = parent_for(arguments.results / f"study-{part}.json")
        events = _Result(PARTS[part](place))
        for _ in report(events, arguments.json_lines):
            pass
        made = {
            "part": part,
            "command": f"python -m recam_core study {part}",
            "date": datetime.now(UTC).date().isoformat(),
            "torch": torch.__version__.split("+")[0],
            "device": device_name(device),
        }
        save_atomically(target, json.dumps(made | events.result, ensure_ascii=False, indent=1).encode())
        print(f"wrote {target}")


def chosen_parts(names: list[str]) -> list[str]:
    """The name of a data set stands for all its parts."""
    parts = []
    for name in names:
        matching = [part for part in PARTS if part == name or part.split("-")[0] == name]
        if not matching:
            raise UserError(f"There is no part {name!r}; choose {DATA_SETS}, or some of {', '.join(PARTS)}.")
        parts += matching
    return list(dict.fromkeys(parts))


class _Result:
    """The events of a part, and afterwards its result."""

    result: dict[str, Any]

    def __init__(self, part: Part) -> None:
        self.part = part

    def __iter__(self) -> Iterator[Any]:
        self.result = yield from self.part

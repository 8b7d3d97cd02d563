"""What ``test_distributed`` launches as two processes: several trainings one after the other, each into a folder of its own."""

import sys
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import torch

from recam_core.__main__ import main
from recam_core.records import TrainConfig, UserError
from recam_core.training.two_stage import train

CONFIG = TrainConfig(
    stage1_epochs=1,
    stage2_epochs=1,
    batch_size=4,
    backbone_rate=0.005,
    fc1_rate=0.05,
    stage2_backbone_rate=0.005,
    stage2_fc1_rate=0.02,
    fc2_rate=0.1,
    long_side_min=32,
    long_side_max=56,
    crop=40,
)


EIGHT = ((0,), (1,), (2,), (0, 1), (1, 2), (0, 2), (0, 1, 2), ())


class Squares:
    """Noisy pictures of 48×48 with a square in the colour of each class that is there; some are broken."""

    classes = ("cat", "dog", "umbrella")

    def __init__(self, present=EIGHT, broken=()):
        self.present, self.broken = present, broken

    def __len__(self):
        return len(self.present)

    def name(self, i):
        return f"square-{i}"

    def image(self, i):
        if i in self.broken:
            raise UserError(f"square-{i} is damaged.")
        picture = np.random.default_rng(i).integers(60, 120, (48, 48, 3), dtype=np.uint8)
        for k in self.present[i]:
            picture[16 * k : 16 * k + 16, 8:40, k] = 255
        return picture

    def labels(self, i):
        return np.array([k in self.present[i] for k in range(3)], np.float32)

    def mask(self, i):
        return None


MANY = (*EIGHT, (1,))
CASES = {
    "uneven": (CONFIG, Squares(MANY)),  # 9 pictures: the second step has one, so a process has none
    "broken": (CONFIG, Squares(MANY, broken=(0, 3, 8))),
    "one-broken": (
        replace(CONFIG, batch_size=1),
        Squares(MANY[:3], broken=(1,)),
    ),  # a process whose only picture is broken
    "without-class": (
        replace(CONFIG, batch_size=1),
        Squares(((0,), (), (), (), (1, 2), ())),
    ),  # steps without any class
    "accumulated": (replace(CONFIG, batch_size=2, accumulate=2), Squares(MANY)),
    "no-lambda": (replace(CONFIG, recam_weight=0.0), Squares(MANY)),
}
ALL_BROKEN = Squares(MANY[:2], broken=(0, 1))
COMMAND = ["train", "--recipe", "scenes", "--split", "samples", "--stage1-epochs", "1", "--stage2-epochs", "1",
           "--optimizer", "sgd", "--validation", "samples", "--watch", "samples-0003", "--device", "cpu"]  # fmt: skip


def run(out: Path, name: str, config: TrainConfig) -> list:
    return list(train(config, CASES[name][1], out / name, torch.device("cpu")))


if __name__ == "__main__":
    torch.set_num_threads(1)
    for case, (settings, _) in CASES.items():
        run(Path(sys.argv[1]), case, settings)
    with mock.patch(
        "torch.distributed.destroy_process_group"
    ) as leave:  # it ends with that; here the group is needed once more
        assert main([*COMMAND, "--batch-size", "5", "--out", str(Path(sys.argv[1], "command"))]) == 0
    leave.assert_called_once()
    try:
        list(train(CONFIG, ALL_BROKEN, Path(sys.argv[1], "all-broken"), torch.device("cpu")))
    except UserError as error:
        print(f"refused: {error}")
        sys.exit(2)

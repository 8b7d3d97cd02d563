"""Train a small segmentation network from pseudo masks, score it on true ones:
``PYTHONPATH=. python docs/train_segmentation.py SET …``.

Each SET is what ``recam export`` leaves: its list ``train`` is learned from, its list ``val`` scored. The network is
torchvision's LR-ASPP on EfficientNet-Lite0, whose ImageNet weights an installed package carries, so nothing is fetched. Every
set is learned from with the same seeds, and compared with the first.
"""

import argparse
import json
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.datasets import VOCSegmentation
from torchvision.models.segmentation import LRASPP, lraspp_mobilenet_v3_large
from torchvision.transforms import Normalize

from recam_core import pick_device, progress
from recam_core.evaluation.bootstrap import gain
from recam_core.evaluation.metrics import figures
from recam_core.evaluation.segmentation_set import BASE
from recam_core.networks.backbones.efficientnet import EfficientNetLite0, build_efficientnet_lite0
from recam_core.records import IGNORE
from recam_core.system.device import device_name
from recam_core.system.files import parent_for, save_atomically

HEAD = 10  # what is new learns so many times faster


class TwoStages(nn.Module):
    """EfficientNet-Lite0 as LR-ASPP wants it: (B, 3, H, W) → ``low`` (B, 40, H/8, W/8) and ``high`` (B, 1280, H/16, W/16)."""

    def __init__(self, net: EfficientNetLite0) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Features of two of its stages."""
        _, low, *_, high = self.net.stages(x)
        return {"low": low, "high": high}


def lite0() -> tuple[nn.Module, int, int]:
    """EfficientNet-Lite0, and the channels of both stages."""
    net = build_efficientnet_lite0("imagenet")
    _, low, *_, high = net.stage_channels
    return nn.Sequential(Normalize(net.mean, net.std), TwoStages(net)), low, high


def mobilenet() -> tuple[nn.Module, int, int]:
    """The backbone of torchvision's own LR-ASPP, whose weights come from the network, and the channels of both stages."""
    whole = lraspp_mobilenet_v3_large(weights=None, weights_backbone="IMAGENET1K_V2")
    return nn.Sequential(Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)), whole.backbone), 40, 960


BACKBONES = {"efficientnet_lite0": lite0, "mobilenet_v3_large": mobilenet}


class Pictures(Dataset):
    """Pictures (3, H, W), 0 to 1, and labels (H, W) of a list; with a ``side`` square crops, cut and mirrored at random."""

    def __init__(self, root: Path, part: str, side: int = 0, seed: int = 0) -> None:
        self.pairs, self.side = VOCSegmentation(str(root), image_set=part), side
        self.generator = torch.Generator().manual_seed(seed)

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        picture, mask = self.pairs[i]
        x, y = torch.from_numpy(np.array(picture)).permute(2, 0, 1) / 255, torch.from_numpy(np.array(mask)).long()
        return self._crop(x, y) if self.side else (x, y)

    def _crop(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        right, below = (max(0, self.side - n) for n in (y.shape[1], y.shape[0]))
        x, y = F.pad(x, (0, right, 0, below)), F.pad(y, (0, right, 0, below), value=IGNORE)
        top, left = (self._random(n - self.side + 1) for n in y.shape)
        x, y = (part[..., top : top + self.side, left : left + self.side] for part in (x, y))
        return (x.flip(-1), y.flip(-1)) if self._random(2) else (x, y)

    def _random(self, below: int) -> int:
        return int(torch.randint(below, (), generator=self.generator))


def main() -> None:
    """Learn from each set with each seed, score, and compare."""
    chosen = arguments()
    target = parent_for(chosen.json) if chosen.json else None
    matrices = {folder.name: [run(folder, seed, chosen) for seed in range(chosen.seeds)] for folder in chosen.sets}
    first = next(iter(matrices.values()))
    rows = []
    for name, runs in matrices.items():
        over = None if runs is first else gain(runs, first)
        rows.append({"set": name, "miou": [miou(run) for run in runs], "over": over})
        print(rows[-1])
    if target:
        save_atomically(
            target, (json.dumps(described(chosen, len(first[0])) | {"rows": rows}, indent=1) + "\n").encode()
        )


def run(folder: Path, seed: int, chosen: argparse.Namespace) -> np.ndarray:
    """Train one network, saying so epoch by epoch; the confusion matrix of each picture of ``val``, (P, K+1, K+1)."""
    labels = len((folder / BASE / "classes.txt").read_text("utf-8").splitlines())
    backbone = BACKBONES[chosen.backbone]()
    torch.manual_seed(seed)  # of the head and the order; what a backbone draws is replaced by its weights
    network = LRASPP(*backbone, labels).to(pick_device(chosen.device))
    train = Pictures(folder, "train", chosen.side, seed)
    batches = DataLoader(train, chosen.batch, shuffle=True, drop_last=len(train) > chosen.batch)
    parts = (network.backbone, chosen.rate), (network.classifier, HEAD * chosen.rate)
    optimizer = torch.optim.AdamW(
        [{"params": part.parameters(), "lr": rate} for part, rate in parts], weight_decay=1e-4
    )
    schedule = torch.optim.lr_scheduler.PolynomialLR(optimizer, chosen.epochs * len(batches), power=0.9)
    for epoch in range(chosen.epochs):
        losses = []
        for x, y in progress(batches):
            losses.append(learn(network, x, y, optimizer))
            schedule.step()
        print(f"{folder.name}, seed {seed}, epoch {epoch + 1}/{chosen.epochs}: loss {np.mean(losses):.4f}", flush=True)
    matrices = confusions(network, Pictures(folder, "val"), labels)
    print(f"{folder.name}, seed {seed}: val mIoU {miou(matrices):.4f}, background counted", flush=True)
    return matrices


def learn(network: nn.Module, x: Tensor, y: Tensor, optimizer: torch.optim.Optimizer) -> float:
    """One step; its loss."""
    device = next(network.parameters()).device
    loss = F.cross_entropy(network.train()(x.to(device))["out"], y.to(device), ignore_index=IGNORE)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


@torch.inference_mode()
def confusions(network: nn.Module, pictures: Pictures, labels: int) -> np.ndarray:
    """Rows ground truth, columns what the network calls the pixels, of each picture at its own size."""
    matrices = np.zeros((len(pictures), labels, labels), np.int64)
    network.eval()
    device = next(network.parameters()).device
    for matrix, (x, y) in zip(matrices, progress(DataLoader(pictures)), strict=True):
        called, valid = network(x.to(device))["out"].argmax(1).cpu(), y != IGNORE
        matrix += np.bincount((y * labels + called)[valid].numpy(), minlength=labels**2).reshape(labels, labels)
    return matrices


def miou(matrices: np.ndarray) -> float:
    """Over all pictures together, background counted."""
    return round(float(figures(matrices.sum(axis=0))["miou"]), 5)


def described(chosen: argparse.Namespace, pictures: int) -> dict[str, Any]:
    """What the figures rest on."""
    knobs = {name: getattr(chosen, name) for name in ("backbone", "epochs", "batch", "side", "rate", "seeds")}
    settings = [f"--{name}={value}" for name, value in knobs.items()]
    return {
        "command": shlex.join(["python", "docs/train_segmentation.py", *map(str, chosen.sets), *settings]),
        "date": datetime.now(UTC).date().isoformat(),
        "device": device_name(pick_device(chosen.device)),
        "torch": torch.__version__.split("+")[0],
        "split": "val",
        "pictures": pictures,
        "learned_from": {folder.name: len(Pictures(folder, "train")) for folder in chosen.sets},
        **knobs,
    }


def arguments() -> argparse.Namespace:
    """Where the sets are, and how to learn."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("sets", type=Path, nargs="+", metavar="SET", help="folders that recam export wrote")
    parser.add_argument(
        "--backbone", choices=BACKBONES, default="efficientnet_lite0", help="with ImageNet weights (%(default)s)"
    )
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--side", type=int, default=224, help="of the square crops, in pixels (%(default)s)")
    parser.add_argument("--rate", type=float, default=1e-4, help=f"of the backbone; the head has {HEAD} times it")
    parser.add_argument("--seeds", type=int, default=1, help="trainings of each set (%(default)s)")
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""Train a small segmentation network from pseudo masks, and score it on true ones: ``python docs/train_segmentation.py SET``.

SET is what ``recam export`` leaves: its list ``train`` is learned from, its list ``val`` scored. The network is torchvision's
``lraspp_mobilenet_v3_large``; ``--pretrained`` fetches the ImageNet weights of its backbone.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision.datasets import VOCSegmentation
from torchvision.models.segmentation import lraspp_mobilenet_v3_large

from recam_core import pick_device, progress
from recam_core.evaluation.metrics import figures
from recam_core.evaluation.segmentation_set import BASE
from recam_core.records import IGNORE

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of the pictures that ImageNet's weights have learned from


class Crops(Dataset):
    """Pictures (3, side, side) and labels (side, side) of a list: cut out at random and mirrored, or from the corner."""

    def __init__(self, root: Path, part: str, side: int, generator: torch.Generator | None = None) -> None:
        self.pairs, self.side, self.generator = VOCSegmentation(str(root), image_set=part), side, generator

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, torch.Tensor]:
        picture, mask = self.pairs[i]
        x = (torch.from_numpy(np.array(picture)) / 255 - torch.tensor(MEAN)) / torch.tensor(STD)
        x, y = x.permute(2, 0, 1), torch.from_numpy(np.array(mask)).long()
        right, below = (max(0, self.side - n) for n in (y.shape[1], y.shape[0]))
        x, y = F.pad(x, (0, right, 0, below)), F.pad(y, (0, right, 0, below), value=IGNORE)
        top, left = (self._random(n - self.side + 1) for n in y.shape)
        x, y = (part[..., top : top + self.side, left : left + self.side] for part in (x, y))
        return (x.flip(-1), y.flip(-1)) if self._random(2) else (x, y)

    def _random(self, below: int) -> int:
        return int(torch.randint(below, (), generator=self.generator)) if self.generator else 0


def main() -> None:
    """Learn, score, and say so epoch by epoch."""
    chosen = arguments()
    torch.manual_seed(chosen.seed)
    device = pick_device(chosen.device)
    classes = (chosen.set / BASE / "classes.txt").read_text("utf-8").splitlines()
    weights = "IMAGENET1K_V2" if chosen.pretrained else None
    network = lraspp_mobilenet_v3_large(weights=None, weights_backbone=weights, num_classes=len(classes)).to(device)
    train = Crops(chosen.set, "train", chosen.side, torch.Generator().manual_seed(chosen.seed))
    batches = DataLoader(train, chosen.batch, shuffle=True, drop_last=len(train) > chosen.batch)
    optimizer = torch.optim.AdamW(network.parameters(), chosen.rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.PolynomialLR(optimizer, chosen.epochs * len(batches), power=0.9)
    for epoch in range(chosen.epochs):
        network.train()
        losses = []
        for x, y in progress(batches):
            loss = F.cross_entropy(network(x.to(device))["out"], y.to(device), ignore_index=IGNORE)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        print(f"epoch {epoch + 1}/{chosen.epochs}: loss {np.mean(losses):.4f}")
    print(f"val: mIoU {score(network.eval(), chosen, len(classes)):.4f}, background counted")


@torch.inference_mode()
def score(network: torch.nn.Module, chosen: argparse.Namespace, labels: int) -> float:
    """mIoU over the list ``val``; a picture that is larger than a crop counts with its upper left part."""
    confusion = np.zeros((labels, labels), np.int64)
    device = next(network.parameters()).device
    for x, y in progress(DataLoader(Crops(chosen.set, "val", chosen.side), chosen.batch)):
        guess, valid = network(x.to(device))["out"].argmax(1).cpu(), y != IGNORE
        confusion += np.bincount((y * labels + guess)[valid].numpy(), minlength=labels**2).reshape(labels, labels)
    return float(figures(confusion)["miou"])


def arguments() -> argparse.Namespace:
    """Where the set is, and how to learn."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("set", type=Path, help="the folder that recam export wrote")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--side", type=int, default=320, help="of the square crops, in pixels (%(default)s)")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pretrained", action="store_true", help="ImageNet weights for the backbone, from the network")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""The plain classifier: pooled features, one linear layer, BCE. Its weights are what CAM is read out with."""

import torch
from torch import Tensor, nn

from recam_core.losses import class_scores, multilabel_loss


class CamHead(nn.Module):
    """FC1 without bias, trained with BCE alone (Zhou et al., CVPR 2016): features (B, D, h, w) → scores (B, K)."""

    readouts = ("cam",)

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.fc1 = nn.Parameter(torch.empty(classes, channels))
        nn.init.kaiming_uniform_(self.fc1, a=5**0.5)  # what torch gives a linear layer

    def scores(self, features: Tensor) -> Tensor:
        """Class logits (B, K)."""
        return class_scores(features, self.fc1)

    def class_weights(self, readout: str) -> Tensor:
        """Weights (K, D) that a heatmap is read out with."""
        if readout != "cam":
            raise KeyError(readout)
        return self.fc1

    def loss(self, features: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(total, BCE, SCE = 0) of a batch; labels (B, K) multi-hot."""
        bce = multilabel_loss(self.scores(features), labels)
        return bce, bce, bce.new_zeros(())

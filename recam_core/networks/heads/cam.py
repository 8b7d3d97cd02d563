"""The plain classifier: pooled features, one linear layer, BCE. Its weights are what CAM is read out with."""

from typing import Any

import torch
from torch import Tensor, nn

from recam_core.networks.losses import class_scores, multilabel_loss, probabilities


class CamHead(nn.Module):
    """FC1, trained with BCE alone (Zhou et al., CVPR 2016): features (B, D, h, w) → scores (B, K).

    Ours has no bias and is read with a sigmoid, as in the reference; classifiers from elsewhere may have one, and a softmax.
    """

    readouts = ("cam",)

    def __init__(self, channels: int, classes: int, bias: bool = False, activation: str = "sigmoid") -> None:
        super().__init__()
        self.activation = activation
        self.fc1 = nn.Parameter(torch.empty(classes, channels))
        self.fc1_bias = nn.Parameter(torch.zeros(classes)) if bias else None
        nn.init.kaiming_uniform_(self.fc1, a=5**0.5)  # what torch gives a linear layer

    @property
    def settings(self) -> dict[str, Any]:
        """What a file must say for the head to be built again."""
        return {"bias": self.fc1_bias is not None, "activation": self.activation}

    def scores(self, features: Tensor) -> Tensor:
        """Class logits (B, K)."""
        return class_scores(features, self.fc1, self.fc1_bias)

    def probabilities(self, logits: Tensor) -> Tensor:
        """Logits (…, K) as the probabilities that they were trained to be."""
        return probabilities(logits, self.activation)

    def class_weights(self, readout: str) -> Tensor:
        """Weights (K, D) that a heatmap is read out with."""
        if readout != "cam":
            raise KeyError(readout)
        return self.fc1

    def loss(self, features: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(total, BCE, SCE = 0) of a batch; labels (B, K) multi-hot."""
        bce = multilabel_loss(self.scores(features), labels)
        return bce, bce, bce.new_zeros(())

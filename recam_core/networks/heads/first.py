"""FC1, which every head of ours has: one linear layer on pooled features, which makes the scores."""

from typing import Any

import torch
from torch import Tensor, nn

from recam_core.networks.losses import class_scores, probabilities


class FirstClassifier(nn.Module):
    """w (K, D), with a bias where a classifier from elsewhere has one: features (B, D, h, w) → scores (B, K)."""

    def __init__(self, channels: int, classes: int, bias: bool, activation: str) -> None:
        super().__init__()
        self.activation = activation
        self.fc1 = new_weight(channels, classes)
        self.fc1_bias = nn.Parameter(torch.zeros(classes)) if bias else None

    @property
    def settings(self) -> dict[str, Any]:
        """What a file must say for the head to be built again."""
        return {"bias": self.fc1_bias is not None, "activation": self.activation}

    @property
    def bias(self) -> Tensor | None:
        """That of the scores (K,), if there is one."""
        return self.fc1_bias

    def scores(self, features: Tensor) -> Tensor:
        """Class logits (B, K)."""
        return class_scores(features, self.fc1, self.fc1_bias)

    def probabilities(self, logits: Tensor) -> Tensor:
        """Logits (…, K) as the probabilities that they were trained to be."""
        return probabilities(logits, self.activation)

    def groups(self) -> dict[str, list[nn.Parameter]]:
        """It learns at FC1's rate."""
        return {"fc1": [self.fc1] if self.fc1_bias is None else [self.fc1, self.fc1_bias]}


def new_weight(channels: int, classes: int) -> nn.Parameter:
    """Random weights (K, D), drawn as torch draws those of a linear layer."""
    weight = nn.Parameter(torch.empty(classes, channels))
    nn.init.kaiming_uniform_(weight, a=5**0.5)
    return weight

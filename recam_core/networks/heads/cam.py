"""The plain classifier: pooled features, one linear layer, BCE. Its weights are what CAM is read out with."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from recam_core.networks.losses import class_scores, multilabel_loss, probabilities


class CamHead(nn.Module):
    """FC1, trained with BCE alone (Zhou et al., CVPR 2016): features (B, D, h, w) → scores (B, K).

    Ours has no bias and is read with a sigmoid, as in the reference; classifiers from elsewhere may have one, and a softmax.
    """

    network = "cam"
    classifiers: tuple[str, ...] = ("w",)

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

    @property
    def weights(self) -> dict[str, nn.Parameter]:
        """w (K, D)."""
        return {"w": self.fc1}

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

    def loss(self, features: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(total, BCE, SCE = 0) of a batch; labels (B, K) multi-hot."""
        bce = multilabel_loss(self.scores(features), labels)
        return bce, bce, bce.new_zeros(())

    def groups(self) -> dict[str, list[nn.Parameter]]:
        """All of it learns at FC1's rate."""
        return {"fc1": [self.fc1] if self.fc1_bias is None else [self.fc1, self.fc1_bias]}

    def idle(self, labelled: bool = False) -> list[nn.Parameter]:
        """None: BCE asks every class of every picture."""
        return []

    def continued(self, state: Mapping[str, Tensor], start: str) -> dict[str, Tensor]:
        """The same weights: nothing is new."""
        return dict(state)

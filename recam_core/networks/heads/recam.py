"""ReCAM's two classifiers: FC1 with BCE on pooled features, FC2 with softmax cross-entropy on class-masked features."""

from typing import Any

import torch
from torch import Tensor, nn

from recam_core.networks.losses import class_scores, probabilities, recam_loss


class ReCamHead(nn.Module):
    """FC1 (w) and FC2 (w′) (Chen et al., CVPR 2022, section 4): features (B, D, h, w) → scores (B, K).

    Neither has a bias, as in the reference; FC1 has one where stage 1 was a classifier from elsewhere that has it.

    With another ``objective`` than "both" FC2 takes no part in the loss and stays what it was.
    """

    readouts = ("w", "wprime", "sum", "product")

    def __init__(
        self,
        channels: int,
        classes: int,
        recam_weight: float = 1.0,
        mask_gradient: bool = True,
        objective: str = "both",
        bias: bool = False,
        activation: str = "sigmoid",
    ) -> None:
        super().__init__()
        self.activation = activation
        self.recam_weight, self.mask_gradient, self.objective = recam_weight, mask_gradient, objective
        self.fc1 = nn.Parameter(torch.empty(classes, channels))
        self.fc1_bias = nn.Parameter(torch.zeros(classes)) if bias else None
        self.fc2 = nn.Parameter(torch.empty(classes, channels))
        for weight in (self.fc1, self.fc2):
            nn.init.kaiming_uniform_(weight, a=5**0.5)

    @property
    def settings(self) -> dict[str, Any]:
        """What a file must say for the head to be built again."""
        return {"bias": self.fc1_bias is not None, "activation": self.activation}

    def scores(self, features: Tensor) -> Tensor:
        """Class logits of FC1 (B, K)."""
        return class_scores(features, self.fc1, self.fc1_bias)

    def probabilities(self, logits: Tensor) -> Tensor:
        """Logits (…, K) of FC1 as the probabilities that they were trained to be."""
        return probabilities(logits, self.activation)

    def class_weights(self, readout: str) -> Tensor:
        """Weights (K, D) that a heatmap is read out with: w, w′, their sum, or their element-wise product."""
        match readout:
            case "w":
                return self.fc1
            case "wprime":
                return self.fc2
            case "sum":
                return self.fc1 + self.fc2
            case "product":
                return self.fc1 * self.fc2
        raise KeyError(readout)

    def loss(self, features: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(total, BCE, SCE) of a batch; labels (B, K) multi-hot."""
        return recam_loss(
            features,
            labels,
            self.fc1,
            self.fc2,
            self.recam_weight,
            self.mask_gradient,
            self.objective,
            self.fc1_bias,
        )

"""The plain classifier: pooled features, one linear layer, BCE. Its weights are what CAM is read out with."""

from collections.abc import Mapping

from torch import Tensor, nn

from recam_core.networks.heads.first import FirstClassifier
from recam_core.networks.losses import multilabel_loss


class CamHead(FirstClassifier):
    """FC1, trained with BCE alone (Zhou et al., CVPR 2016, arXiv 1512.04150): features (B, D, h, w) → scores (B, K).

    Ours has no bias and is read with a sigmoid, as in the reference; classifiers from elsewhere may have one, and a softmax.
    """

    network = "cam"
    classifiers: tuple[str, ...] = ("w",)

    def __init__(self, channels: int, classes: int, bias: bool = False, activation: str = "sigmoid") -> None:
        super().__init__(channels, classes, bias, activation)

    @property
    def weights(self) -> dict[str, nn.Parameter]:
        """w (K, D)."""
        return {"w": self.fc1}

    def loss(self, features: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(total, BCE, SCE = 0) of a batch; labels (B, K) multi-hot."""
        bce = multilabel_loss(self.scores(features), labels)
        return bce, bce, bce.new_zeros(())

    def idle(self, labelled: bool = False) -> list[nn.Parameter]:
        """None: BCE asks every class of every picture."""
        return []

    def continued(self, state: Mapping[str, Tensor], start: str) -> dict[str, Tensor]:
        """The same weights: nothing is new."""
        return dict(state)

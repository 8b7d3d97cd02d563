"""ReCAM's two classifiers: FC1 with BCE on pooled features, FC2 with softmax cross-entropy on class-masked features."""

from collections.abc import Mapping

from torch import Tensor, nn

from recam_core.networks.heads.first import FirstClassifier, new_weight
from recam_core.networks.losses import recam_loss


class ReCamHead(FirstClassifier):
    """FC1 (w) and FC2 (w′) (ReCAM, arXiv 2203.00962, equations 3 to 5): features (B, D, h, w) → scores (B, K).

    FC2 is the official ``Class_Predictor``. Neither has a bias, as in the reference; FC1 has one where stage 1 was a classifier
    from elsewhere that has it. With another ``objective`` than "both" FC2 takes no part in the loss and stays what it was.
    """

    network = "recam"
    classifiers: tuple[str, ...] = ("w", "wprime")

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
        super().__init__(channels, classes, bias, activation)
        self.recam_weight, self.mask_gradient, self.objective = recam_weight, mask_gradient, objective
        self.fc2 = new_weight(channels, classes)

    @property
    def weights(self) -> dict[str, nn.Parameter]:
        """w and w′, (K, D) each."""
        return {"w": self.fc1, "wprime": self.fc2}

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

    def groups(self) -> dict[str, list[nn.Parameter]]:
        """FC1 and FC2, each at its own rate."""
        return super().groups() | {"fc2": [self.fc2]}

    def idle(self, labelled: bool = False) -> list[nn.Parameter]:
        """FC2, where no picture has a class to name or the loss does not ask it."""
        return [] if labelled and self.objective == "both" and self.recam_weight else [self.fc2]

    def continued(self, state: Mapping[str, Tensor], start: str) -> dict[str, Tensor]:
        """FC1 as stage 1 left it; FC2 at its own start ("default"), a copy of FC1 ("fc1"), or its positive part ("positive")."""
        first = state["fc1"]
        beginnings = {"default": self.fc2.detach(), "fc1": first.clone(), "positive": first.relu()}
        return with_second(state, beginnings[start])


def with_second(state: Mapping[str, Tensor], weight: Tensor) -> dict[str, Tensor]:
    """The state of ReCAM's head from that of stage 1 and the weights (K, D) of FC2."""
    return {**state, "fc2": weight}

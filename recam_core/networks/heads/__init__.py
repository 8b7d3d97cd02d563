"""Heads: features → scores, weights, losses. A further head is a file here and a line in ``HEADS``."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, Self

import torch
from torch import Tensor, nn

from recam_core.networks.heads.cam import CamHead
from recam_core.networks.heads.recam import ReCamHead
from recam_core.networks.heads.vector import VectorHead


class Head(Protocol):
    """A module that answers and learns: features (B, D, h, w) → scores (B, K).

    Built from (channels D, classes K) and settings by name, among them ``bias`` (have the scores one?) and ``activation``. Every
    tensor of its state has a row a class, so that a file's classes can be counted before a network is built.
    """

    network: str  # which of a pair's two networks it ends: "cam" (stage 1) or "recam" (stage 2)
    classifiers: tuple[str, ...]  # names of its ``weights``; "w" makes the scores
    activation: str  # of its scores: "sigmoid" or "softmax"

    def __init__(self, channels: int, classes: int, **settings: Any) -> None: ...

    @property
    def settings(self) -> dict[str, Any]:
        """What a file must say for the head to be built again: ``bias`` and ``activation``."""

    @property
    def weights(self) -> Mapping[str, nn.Parameter]:
        """Weights (K, D) by classifier: what readouts are made of."""

    @property
    def bias(self) -> Tensor | None:
        """The bias (K,) of the scores, which maps never have."""

    def scores(self, features: Tensor) -> Tensor:
        """Class logits (B, K)."""

    def probabilities(self, logits: Tensor) -> Tensor:
        """Logits (…, K) as what a person reads."""

    def loss(self, features: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(total, BCE, SCE) of a batch; labels (B, K) multi-hot."""

    def groups(self) -> dict[str, list[nn.Parameter]]:
        """Its parameters by the rate that they learn at: "fc1" stands for the settings' ``fc1_rate``."""

    def idle(self, labelled: bool = False) -> list[nn.Parameter]:
        """Parameters that take no part in the loss of pictures without any label, or of ``labelled`` ones."""

    def continued(self, state: Mapping[str, Tensor], start: str) -> dict[str, Tensor]:
        """Its state where stage 1's head ended with ``state``; ``start`` says where what is new begins."""

    def state_dict(self) -> dict[str, Any]:
        """As of every module."""

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> Any:
        """As of every module."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """As of every module."""

    def to(self, device: torch.device) -> Self:
        """As of every module."""


VECTOR = "vector"  # the head of networks that CAM does not apply to
HEADS: dict[str, type[Head]] = {"cam": CamHead, "recam": ReCamHead, VECTOR: VectorHead}


def head_settings(head: Head) -> dict[str, Any]:
    """What is needed to build a head again: its settings, and as ``head`` its name here where it is not its network's own."""
    name = next(name for name, kind in HEADS.items() if type(head) is kind)
    return head.settings | ({} if name == head.network else {"head": name})

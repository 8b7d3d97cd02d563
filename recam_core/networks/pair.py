"""The two networks that CAM and ReCAM are compared with, as one model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from recam_core.networks.boundary_branches import BoundaryBranches
from recam_core.networks.model import CamModel, build_model
from recam_core.networks.readouts import NETWORKS, READOUTS, known_readouts, lacking_sentence
from recam_core.records import CAM, Calibration, UserError, listed_names


@dataclass(frozen=True, eq=False)
class ModelPair:
    """The stage-1 network (``cam``, BCE alone) and the stage-2 network (``recam``, BCE + λ·SCE) of one training run.

    A model that comes from elsewhere may have one of the two: then ``cam`` *is* ``recam``, one object, whose head says which.
    ``card`` is plain data that travels with the weights: training settings, scores, a warning where there is one.
    ``sha256`` is that of the file it was loaded from, or empty. ``boundary`` are branches on the stages of ``edges``, if it has
    any: the stage-2 backbone, but where they brought one of their own, ``edge_network`` (and ``edge_backbone`` its name).
    """

    name: str
    classes: tuple[str, ...]
    backbone: str
    cam: CamModel
    recam: CamModel
    card: dict[str, Any] = field(default_factory=dict)
    sha256: str = ""
    boundary: BoundaryBranches | None = None
    edge_network: CamModel | None = None
    edge_backbone: str = ""

    @property
    def networks(self) -> tuple[CamModel, ...]:
        """The classifiers that there really are: two, or the one that stands for both."""
        return (self.recam,) if self.cam is self.recam else (self.cam, self.recam)

    @property
    def network_names(self) -> tuple[str, ...]:
        """Which of ``NETWORKS`` there really are."""
        return tuple(network.head.network for network in self.networks)

    @property
    def readouts(self) -> tuple[str, ...]:
        """What this model can be read out with, in the order of ``READOUTS``."""
        there = {name for network in self.networks for name in network.readouts}
        return tuple(name for name in READOUTS if name in there)

    @property
    def default_readout(self) -> str:
        """What is refined where nothing else is asked for: w, or CAM where there is no other; ``UserError`` without any."""
        if not self.readouts:
            raise UserError(lacking_sentence(self.name, (), (CAM,)))
        return "w" if "w" in self.readouts else self.readouts[0]

    @property
    def calibration(self) -> Calibration:
        """How logits become probabilities, and from which one a class is preselected: measured, from the card, or as trained."""
        calibration = self.card.get("calibration", {})
        return Calibration(**{name: calibration[name] for name in ("temperature", "preselect") if name in calibration})

    @property
    def edges(self) -> CamModel:
        """The network whose stages the boundary branches look at."""
        return self.edge_network or self.recam

    def network(self, readout: str) -> CamModel:
        """The network that a readout belongs to; a readout that the model lacks is an error."""
        self.check_readouts([readout])
        return self.cam if READOUTS[readout].network == CAM else self.recam

    def check_readouts(self, names: Sequence[str]) -> None:
        """Refuse names that are no readouts, and those that this model lacks, with what it would take."""
        if names or self.readouts:
            known_readouts(names)
        if lacking := [name for name in names if name not in self.readouts]:
            raise UserError(lacking_sentence(self.name, self.readouts, lacking))

    def folded(self) -> "ModelPair":
        """The same pair for looking only: faster, the same maps but for rounding, and not for saving."""
        recam = self.recam.folded()
        cam = recam if self.cam is self.recam else self.cam.folded()
        edges = None if self.edge_network is None else self.edge_network.folded()
        return replace(self, cam=cam, recam=recam, edge_network=edges)

    def class_ids(self, names: Sequence[str]) -> list[int]:
        """Indices of class names; an unknown name is a ``UserError`` that lists what is known."""
        known = {name: i for i, name in enumerate(self.classes)}
        unknown = [name for name in names if name not in known]
        if unknown:
            raise UserError(
                f"The model {self.name} does not know {', '.join(map(repr, unknown))}; "
                f"it knows {listed_names(self.classes)}."
            )
        return [known[name] for name in names]


def build_pair(
    name: str,
    backbone: str,
    classes: Sequence[str],
    card: dict[str, Any] | None = None,
    networks: Sequence[str] = NETWORKS,
    heads: Mapping[str, Mapping[str, Any]] | None = None,
) -> ModelPair:
    """An untrained pair with random weights, or one of the two ``networks`` that stands for both.

    ``heads`` are the settings of each network's head, those of ours by default; their entry ``head`` names another of ``HEADS``.
    Raises ``UserError`` for another backbone than ``BACKBONES`` or a library has.
    """
    if not networks or not set(networks) <= set(NETWORKS):
        raise UserError(
            f"The networks of a model are {' and '.join(NETWORKS)}, or one of them; got {', '.join(networks)}."
        )
    built = []
    for network in NETWORKS:
        if network in networks:
            settings = dict((heads or {}).get(network, {}))
            built.append(build_model(backbone, settings.pop("head", network), len(classes), **settings))
    return ModelPair(
        name=name,
        classes=tuple(classes),
        backbone=backbone,
        cam=built[0],
        recam=built[-1],
        card={"warning": "Untrained: these weights are random, so the maps mean nothing."} if card is None else card,
    )

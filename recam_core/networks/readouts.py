"""Readouts: the ways in which a network's classifiers are read out as heatmaps, a row each.

A row is all that a further readout takes: commands, bundles, evaluations and pages read this dict. A model's file stores
classifiers and never readouts, so a new row works on models that are there already. This module loads no torch.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recam_core.records import CAM, UserError

if TYPE_CHECKING:
    from torch import Tensor

    from recam_core.networks.heads import Head

RECAM = "recam"
NETWORKS: tuple[str, ...] = (CAM, RECAM)  # stage 1, trained with BCE alone; stage 2, trained on with BCE + λ·SCE
SECOND = "wprime"  # the classifier that SCE teaches


@dataclass(frozen=True)
class Readout:
    """One way to read a network out: map_k = Σ_d weights_kd · f_d (CAM, arXiv 1512.04150, equation 2).

    Those of ReCAM's two classifiers are of Chen et al., CVPR 2022, arXiv 2203.00962, section 4. ``name`` stands in commands,
    links, file names and result files and never changes; ``label``, ``title`` and ``help`` are what a person reads, ``unit``
    what raw maps are measured in, ``colour`` that of its curves.
    """

    name: str
    label: str
    title: str
    help: str
    unit: str
    colour: str
    network: str  # whose features and head it takes, one of ``NETWORKS``
    weights: "Callable[[Head], Tensor]"  # of a head: (K, D)
    trained: tuple[str, ...]  # the classifiers of the head that must have learned, or the maps mean nothing


_ROWS = (
    Readout(
        name=CAM,
        label="CAM",
        title="BCE alone",
        help="the weights of the network that was trained with binary cross-entropy (BCE) alone",
        unit="logits of the stage-1 network's FC1",
        colour="#808694",
        network=CAM,
        weights=lambda head: head.weights["w"],
        trained=("w",),
    ),
    Readout(
        name="w",
        label="w",
        title="BCE + SCE",
        help="the same classifier (FC1) after training on with BCE and softmax cross-entropy (SCE), as ReCAM does",
        unit="logits of the stage-2 network's FC1 (w)",
        colour="#4477aa",
        network=RECAM,
        weights=lambda head: head.weights["w"],
        trained=("w",),
    ),
    Readout(
        name="wprime",
        label="w′",
        title="SCE classifier",
        help="ReCAM's second classifier (FC2), trained with SCE on features masked by each class's own CAM",
        unit="logits of the stage-2 network's FC2 (w′)",
        colour="#ccbb44",
        network=RECAM,
        weights=lambda head: head.weights["wprime"],
        trained=("wprime",),
    ),
    Readout(
        name="sum",
        label="w⊕w′",
        title="added",
        help="the weights w and w′ added",
        unit="logits under the summed weights w⊕w′ of the stage-2 network",
        colour="#228833",
        network=RECAM,
        weights=lambda head: head.weights["w"] + head.weights["wprime"],
        trained=("w", "wprime"),
    ),
    Readout(
        name="product",
        label="w⊗w′",
        title="multiplied",
        help="the weights w and w′ multiplied element by element; two negative weights multiply to positive evidence",
        unit="products of weights w⊗w′ of the stage-2 network times features",
        colour="#aa3377",
        network=RECAM,
        weights=lambda head: head.weights["w"] * head.weights["wprime"],
        trained=("w", "wprime"),
    ),
)
READOUTS: dict[str, Readout] = {row.name: row for row in _ROWS}


def readout_label(name: str) -> str:
    """What a person reads."""
    return READOUTS[name].label


def readout_labels(names: Collection[str]) -> str:
    """What a person reads of several: "w′, w⊕w′ and w⊗w′"."""
    *others, last = (readout_label(name) for name in names)
    return f"{', '.join(others)} and {last}" if others else last


def recam_readouts() -> tuple[str, ...]:
    """Names of the readouts of the stage-2 network."""
    return tuple(name for name, row in READOUTS.items() if row.network == RECAM)


def head_readouts(network: str, classifiers: Collection[str]) -> tuple[str, ...]:
    """Names of the readouts that a head with these classifiers gives under one of the two networks."""
    return tuple(
        name for name, row in READOUTS.items() if row.network == network and set(row.trained) <= set(classifiers)
    )


def untrained_readouts(recam_weight: float, objective: str = "both", classes: int = 2) -> tuple[str, ...]:
    """Readouts that mean nothing because FC2 never learned: λ = 0, an objective without FC2, or one class alone.

    (ReCAM, Chen et al., CVPR 2022, arXiv 2203.00962, section 4.)
    """
    learns = objective == "both" and recam_weight > 0 and classes > 1
    return () if learns else tuple(name for name, row in READOUTS.items() if SECOND in row.trained)


def known_readouts(names: Collection[str]) -> None:
    """Refuse no names at all, and names that are no readouts."""
    unknown = [name for name in names if name not in READOUTS]
    if unknown or not names:
        raise UserError(f"Readouts are {', '.join(READOUTS)}; got {', '.join(unknown) or 'none'}.")


def lacking_sentence(model: str, there: Collection[str], lacking: Collection[str]) -> str:
    """What a model without all readouts has, why, and what would give it the others."""
    has, wanted = ", ".join(there), ", ".join(READOUTS[name].label for name in lacking)
    if not there:
        return (
            f"CAM and its readouts do not apply to the model {model}: its answer is not linear in averaged features, so no "
            "weights say what each position gives to a class. Methods that ask for gradients do: --methods gradcam,layercam, or "
            "More maps on Compare."
        )
    if all(READOUTS[name].network == CAM for name in there):
        return (
            f"The model {model} has the readout {has} only: it has no FC2, so {wanted} cannot be read out. "
            "FC2 can be trained on it: python -m recam_core train --stage1 FILE …, or the Train page."
        )
    if any(READOUTS[name].network == CAM for name in lacking):
        return (
            f"The model {model} has the readouts {has}: it has no network trained with BCE alone, so {wanted} cannot be read "
            "out. Import it together with its CAM network."
        )
    return f"The model {model} has the readouts {has}: its head lacks a classifier, so {wanted} cannot be read out."

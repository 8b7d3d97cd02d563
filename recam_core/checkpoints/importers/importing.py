"""Files from elsewhere become a model pair, and a file in the list."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from recam_core.checkpoints.importers.classifiers import LITE
from recam_core.checkpoints.importers.kinds import EDGES, SECOND, is_pair, recognise_pair
from recam_core.checkpoints.importers.parts import (
    Network,
    Source,
    build_network,
    fetched_source,
    read_source,
    with_edges,
    with_second_classifier,
)
from recam_core.checkpoints.pair_file import copy_pair, known_models, load_pair, model_name, save_pair
from recam_core.networks.backbones.libraries import input_description, parse_name
from recam_core.networks.backbones.whole import Outline, structure_of
from recam_core.networks.model import CamModel
from recam_core.networks.pair import ModelPair
from recam_core.records import ACTIVATIONS, CAM, UserError, is_library_name
from recam_core.system.files import parent_for

TOGETHER = (
    "What goes together: one network; a network and its FC2 (ReCAM); a CAM network, a ReCAM network and FC2, in this order; "
    "an IRN network with any of them, or onto a model that is there."
)
FINER_NOTE = (
    "looked at with output stride {}, finer than the 32 it was trained at: so are its maps, but its probabilities are not the "
    "library's own, which {} gives"
)
LITE_NOTE = (
    "normalised as the TensorFlow weights were trained (127/255 and 128/255), where timm's settings say .5 and .5"
)


def import_checkpoint(
    files: Sequence[Path],
    name: str,
    *,
    class_names: Sequence[str] | None = None,
    backbone: str = "",
    activation: str = "",
    onto: str | Path = "",
    average: bool = True,
) -> ModelPair:
    """A pair made of one or more files of known kinds, in evaluation mode on the CPU, without parameter gradients.

    One network alone gives its own readouts; with FC2 ("recam-predictor") it gives ReCAM's four; a CAM network before them is
    stage 1. An IRN network adds boundary branches with a backbone of their own. ``onto`` names a model that the files are added
    to. ``class_names``, ``backbone`` (its stride is ours to choose) and ``activation`` are needed where the files leave doubt;
    where one holds a network and its moving average, ``average`` takes the latter. A ``backbone`` of a library (``timm:NAME``,
    ``torchvision:NAME``) may be any of its classifiers that CAM suits; without a file its published weights are fetched.
    Raises ``UserError`` for anything that does not fit, naming it.

    ```python
    pair = recam.import_checkpoint([Path("res50_cam.pth")], "official")
    ```
    """
    if not files and not is_library_name(backbone):
        raise UserError(
            "Name at least one file to import, or a classifier of a library: --timm NAME, --torchvision NAME."
        )
    if activation and activation not in ACTIVATIONS:
        raise UserError(f"The activation is {' or '.join(ACTIVATIONS)}; got {activation!r}.")
    if any(is_pair(path) for path in files):
        return replace(_whole_pair(files, class_names, backbone, activation, onto), name=name)
    sources = [read_source(path, average, backbone) for path in files] or [fetched_source(backbone)]
    base = load_pair(onto) if onto else None
    pair = _made(sources, base, class_names, backbone, activation)
    for part in (*pair.networks, pair.boundary, pair.edge_network):
        if part is not None:
            part.eval().requires_grad_(False)
    return replace(pair, name=name, card=pair.card | {"imported": _described(sources, base, pair.backbone)}, sha256="")


def store_import(
    files: Sequence[Path],
    path: Path,
    name: str,
    *,
    class_names: Sequence[str] | None = None,
    backbone: str = "",
    activation: str = "",
    onto: str | Path = "",
    average: bool = True,
) -> ModelPair:
    """Import and write the pair to ``path``, where nothing may be yet; a pair of this project keeps its tensors bit for bit.

    ``onto`` as text is the name of a listed model and nothing else, because people on a page say it; a file is a ``Path``.
    Raises ``UserError`` where a file is there already, and for a model that is not listed.
    """
    name = model_name(name)
    if isinstance(onto, str) and onto not in ("", *known_models()):
        raise UserError(
            f"There is no model “{onto[:60]}” in the list of models that the files could be added to; choose another one."
        )
    if os.path.lexists(path):
        raise UserError(
            f"There is a file {path.name} in {path.parent} already; choose another name, or delete it first."
        )
    pair = import_checkpoint(
        files, name, class_names=class_names, backbone=backbone, activation=activation, onto=onto, average=average
    )
    parent_for(path)
    if files and is_pair(files[0]):
        copy_pair(files[0], path, name, new=True)
    else:
        save_pair(pair, path, new=True)
    return pair


def _whole_pair(
    files: Sequence[Path], class_names: Sequence[str] | None, backbone: str, activation: str, onto: str | Path
) -> ModelPair:
    if len(files) > 1 or onto:
        raise UserError(
            "A model of this project is whole: import it alone; what is to be added to it goes onto it, once it is listed."
        )
    if class_names is not None or activation or backbone not in ("", recognise_pair(files[0]).backbone):
        raise UserError(
            f"{Path(files[0]).name} is a model of this project and says itself what its classes, backbone and activation are; "
            "leave them out."
        )
    return load_pair(files[0])


def _made(
    sources: Sequence[Source],
    base: ModelPair | None,
    class_names: Sequence[str] | None,
    backbone: str,
    activation: str,
) -> ModelPair:
    """What the files make together, on their own or onto ``base``."""
    predictors, edges = ([s for s in sources if s.recognised.row.part == part] for part in (SECOND, EDGES))
    rest = [s for s in sources if s not in predictors and s not in edges]
    if len(rest) > 2 or len(predictors) > 1 or len(edges) > 1:
        raise UserError(f"These {len(sources)} files do not make one model. {TOGETHER}")
    if class_names is None and base is not None and rest and rest[0].recognised.classes == len(base.classes):
        class_names = base.classes
    networks = [build_network(source, class_names, backbone, activation) for source in rest]
    if networks:
        pair = _two_stages(networks, predictors, base)
    elif predictors or base is None:
        raise UserError(_incomplete(sources, bool(predictors)))
    else:
        pair = base
    return with_edges(pair, edges[0]) if edges else pair


def _two_stages(networks: Sequence[Network], predictors: Sequence[Source], base: ModelPair | None) -> ModelPair:
    """Which network is which stage; a combination that makes no model is refused with what it lacks."""
    first, last = networks[0], networks[-1]
    two = len(networks) == 2
    if (first.backbone, first.classes) != (last.backbone, last.classes):
        raise UserError(f"{first.file} and {last.file} must have the same backbone and the same classes.")
    if two and not predictors:
        raise UserError(f"{last.file} is a second network, but its FC2 (recam_predictor) is missing. {TOGETHER}")
    recam = with_second_classifier(last, predictors[0]) if predictors else None
    if base is not None:
        if two:
            raise UserError(f"Two networks and FC2 are a whole model; import them without --onto {base.name}.")
        return _added(last, recam, base)
    if recam is None:
        return _pair(first, first.model, first.model)
    return _pair(first, first.model if two else recam, recam)


def _added(network: Network, recam: CamModel | None, base: ModelPair) -> ModelPair:
    """A model with the stage that it lacks, or with another second stage."""
    if (base.backbone, base.classes) != (network.backbone, network.classes):
        raise UserError(
            f"{network.file} ({network.backbone}, {len(network.classes)} classes) does not fit the model {base.name} "
            f"({base.backbone}, {len(base.classes)} classes); both must be the same."
        )
    base.check_readouts([base.default_readout])
    if recam is None and CAM in base.network_names:
        raise UserError(f"The model {base.name} has a stage-1 network already; import {network.file} without --onto.")
    if recam is not None and base.network_names != (CAM,):
        raise UserError(f"The model {base.name} has a second stage already; import {network.file} without --onto.")
    made = _pair(network, base.cam if recam else network.model, recam or base.recam)
    if base.boundary is None:
        return made
    return replace(  # branches stay on the network that they were trained on
        made,
        boundary=base.boundary,
        edge_network=base.edges,
        edge_backbone=base.edge_backbone or base.backbone,
        card={"boundary": base.card.get("boundary", {})},
    )


def _pair(like: Network, cam: CamModel, recam: CamModel) -> ModelPair:
    return ModelPair("", like.classes, like.backbone, cam, recam, {})


def _incomplete(sources: Sequence[Source], has_predictor: bool) -> str:
    if has_predictor:
        return (
            f"{sources[0].name} is FC2 alone, and maps need the network that it was trained with: give both files, the network "
            "first."
        )
    return (
        "An IRN network makes boundaries and no heatmaps: say which model it is for with --onto MODEL, or give the network that "
        "it belongs to beside it."
    )


def _described(sources: Sequence[Source], base: ModelPair | None, backbone: str) -> dict[str, Any]:
    """Where a model came from, for its card."""
    described: dict[str, Any] = {
        "files": [{"name": s.name, "kind": s.recognised.kind, "sha256": s.sha256} for s in sources]
    }
    if base is not None:
        described["onto"] = {"name": base.name, "sha256": base.sha256}
    foreign = not all(source.recognised.row.reference for source in sources)
    reason = ""
    if is_library_name(backbone) and isinstance(outline := structure_of(backbone), Outline):
        reason = outline.reason
    notes = (LITE_NOTE if backbone == LITE else "", stride_note(backbone), reason)
    if foreign and any(notes):
        described["note"] = "; ".join(filter(None, notes))
    if is_library_name(backbone):
        described["input"] = str(input_description(parse_name(backbone)))
    return described


def stride_note(backbone: str) -> str:
    """What looking at a finer stride than the trained one does to probabilities; "" for a look at the trained one."""
    if is_library_name(backbone):
        name = parse_name(backbone)
        return FINER_NOTE.format(name.stride, f"{name.library}:{name.model}") if name.stride else ""
    architecture, _, stride = backbone.partition("_s")
    return FINER_NOTE.format(stride, f"torchvision:{architecture}") if stride.isdigit() else ""

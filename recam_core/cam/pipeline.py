"""The whole story of one picture on one screen: views → features → evidence → heatmaps."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from recam_core.images.pictures import working_picture
from recam_core.networks.memory_fallback import with_room
from recam_core.networks.model import CamModel
from recam_core.networks.pair import ModelPair
from recam_core.records import EPSILON, CamResult, Evidence, HeatmapOptions, UserError, listed_names
from recam_core.system.device import autocast

STEP = 16  # pixels


def gather_evidence(
    picture: np.ndarray, pair: ModelPair, options: HeatmapOptions, readouts: Sequence[str] | None = None
) -> Evidence:
    """Run each network once per view and keep the maps of all its classes at their feature grid.

    Stage 1 gives CAM (Zhou et al., arXiv 1512.04150, equation 2), stage 2 ReCAM (Chen et al., arXiv 2203.00962). Views are the
    scales, each with its mirror image if ``options.flip``. One backbone pass serves every readout of a network, by default all
    that the model has. The scores are those of FC1 of the stage-2 network (the only one where there is one) at the first scale,
    mean of picture and mirror image, whatever readouts are asked for. Raises ``UserError`` for readouts that the model lacks
    and for values that are not finite.

    ```python
    pair, (picture, mask) = recam.load_pair("scenes"), recam.read_sample("scene-fish-boat")
    evidence = recam.gather_evidence(picture.pixels, pair, recam.HeatmapOptions())
    result = recam.read_out(evidence, "w", recam.default_classes(evidence))
    ```
    """
    readouts = pair.readouts if readouts is None else readouts
    pair.check_readouts(readouts)
    picture = working_picture(picture, options.long_side)
    start = time.perf_counter()
    looks: list[tuple[list[str], _Look]] = []
    for model in pair.networks:
        names = [name for name in model.readouts if name in readouts]
        if names:
            scales = options.scales
        elif model is pair.recam:  # looks once even if none of its readouts is wanted: the scores are its own
            scales = options.scales[:1]
        else:
            continue
        for scale in scales:
            looks.append((names, _look(model, picture, scale, options.flip, names)))
    # read back when all is under way: a graphics card then works on while the next scale is prepared
    scale_maps: dict[str, list[np.ndarray]] = {readout: [] for readout in readouts}
    for names, look in looks:
        for readout, maps in zip(names, look.maps.cpu().numpy(), strict=True):
            scale_maps[readout].append(maps)
    first = next(look for _, look in looks if look.model is pair.recam and look.scale == options.scales[0])
    scores = pair.recam.head.probabilities(first.logits / pair.calibration.temperature).cpu().numpy()
    if not all(np.isfinite(m).all() for m in [scores, *(m for maps in scale_maps.values() for m in maps)]):
        raise UserError(
            f"The model {pair.name} gives values that are not finite for this picture; its weights are broken."
        )
    return Evidence(
        picture=picture,
        classes=pair.classes,
        scores=scores,
        scale_maps={readout: tuple(maps) for readout, maps in scale_maps.items()},
        options=options,
        device=str(pair.recam.device),
        seconds=time.perf_counter() - start,
        backbone_passes=len(looks),
        activation=pair.recam.head.activation,
        notes=tuple(dict.fromkeys(look.shortage for _, look in looks if look.shortage)),
        preselect=pair.calibration.preselect,
    )


@dataclass(frozen=True, eq=False)
class _Look:
    """One backbone pass over one scale: flip-summed ReLU'd maps (R, K, h, w) and mean logits (K,), float32."""

    model: CamModel
    scale: float
    maps: Tensor
    logits: Tensor
    shortage: str  # what the person should know about it, or ""


def _look(model: CamModel, picture: np.ndarray, scale: float, flip: bool, names: Sequence[str]) -> _Look:
    """Picture and mirror image in one backbone pass, or view after view where that is faster or memory is short."""
    (maps, logits), shortage = with_room(model, lambda net, together: _maps(net, picture, scale, flip, names, together))
    return _Look(model, scale, maps, logits, f"Scale {scale:g}: {shortage}." if shortage else "")


def _maps(
    model: CamModel, picture: np.ndarray, scale: float, flip: bool, names: Sequence[str], together: bool
) -> tuple[Tensor, Tensor]:
    with torch.inference_mode():
        x = model.preprocess(picture, scale)  # (1, 3, H, W)
        views = [x, x.flip(-1)] if flip else [x]
        with autocast(model.device):
            parts = [model.features(v) for v in ([torch.cat(views)] if together else views)]
        features = torch.cat(parts).float()  # (1 or 2, D, h, w): the readouts themselves are not rounded
        logits = model.scores(features).mean(dim=0)
        if not names:
            return logits.new_zeros(0), logits
        maps = model.maps(features, names).relu()  # (1 or 2, R, K, h, w)
        return maps[0] + maps[1].flip(-1) if flip else maps[0], logits


def default_classes(evidence: Evidence) -> list[str]:
    """Classes that deserve belief, most probable first: those above ``Evidence.preselect``; the best one where none is."""
    order = np.argsort(-evidence.scores, kind="stable")
    chosen = [int(k) for k in order if evidence.scores[k] > evidence.preselect] or [int(order[0])]
    return [evidence.classes[k] for k in chosen]


def read_out(evidence: Evidence, readout: str, classes: Sequence[str]) -> CamResult:
    """Heatmaps of some classes from evidence that is already there; touches no model.

    As in ReCAM's ``make_recam`` (arXiv 2203.00962; golden part 5): the maps of every scale are resized (bilinear, half-pixel
    centres) to the picture size rounded up to a multiple of 16 (of 32 at output stride 32), summed, cropped, and divided by
    their own maximum plus 1e-5. With the options' ``stretch`` they are resized to the picture size itself; where evidence says
    what its grids lie over, to that. Raises ``UserError`` for a class or readout that it lacks.

    ```python
    explanation = recam.explain("scene-fish-boat", model="scenes")
    result = recam.read_out(explanation.evidence, "product", ["boat"])
    result.maps  # (1, H, W) in [0, 1]
    ```
    """
    known = {name: k for k, name in enumerate(evidence.classes)}
    unknown = [name for name in classes if name not in known]
    if unknown or not classes:
        raise UserError(f"Classes to explain must be among {listed_names(evidence.classes)}; got {unknown or 'none'}.")
    if readout not in evidence.scale_maps:
        raise UserError(f"The readout {readout!r} was not computed; there are {', '.join(evidence.scale_maps)}.")
    ids = [known[name] for name in classes]
    maps = [torch.from_numpy(m[ids]) for m in evidence.scale_maps[readout]]
    raw, grid = _laid_over(maps, evidence) if evidence.covered else _resized(maps, evidence)
    return CamResult(
        picture=evidence.picture,
        classes=tuple(classes),
        scores=evidence.scores[ids],
        raw=np.ascontiguousarray(raw.numpy()),
        maps=normalise_maps(raw).numpy(),
        grid=normalise_maps(grid).numpy(),
        readout=readout,
    )


def _resized(maps: Sequence[Tensor], evidence: Evidence) -> tuple[Tensor, Tensor]:
    """Maps of all scales added at picture size and at a quarter of it, each scale over the same rounded size."""
    height, width = evidence.picture.shape[:2]
    first = evidence.options.scales[0]
    step = grid_step((round(height * first), round(width * first)), maps[0].shape[1:])
    is_stretched = evidence.options.stretch
    covered = (height, width) if is_stretched else (-(-height // step) * step, -(-width // step) * step)
    raw = _merge_scales(maps, covered)[:, :height, :width]
    quarter = (height - 1) // 4 + 1, (width - 1) // 4 + 1
    if step == STEP or is_stretched:  # as the reference does
        return raw, _merge_scales(maps, quarter)
    return raw, _merge_scales(maps, (covered[0] // 4, covered[1] // 4))[:, : quarter[0], : quarter[1]]


def _laid_over(maps: Sequence[Tensor], evidence: Evidence) -> tuple[Tensor, Tensor]:
    """The same where each scale's grid lies over its own number of pixels: every cell where the network looked."""
    size, scales = evidence.picture.shape[:2], evidence.options.scales
    shares = [
        [over / max(1, round(side * scale)) for over, side in zip(covered, size, strict=True)]
        for covered, scale in zip(evidence.covered, scales, strict=True)
    ]

    def added(step: int) -> Tensor:
        """At the centres of cells of so many pixels."""
        centres = [(torch.arange((side - 1) // step + 1) + 0.5) * step / side for side in size]
        parts = (sampled(m, centres[0] / high, centres[1] / wide) for m, (high, wide) in zip(maps, shares, strict=True))
        return torch.stack(tuple(parts)).sum(dim=0)

    return added(1), added(4)


def sampled(maps: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """Maps (n, h, w) at places that are shares of their height and width, bilinear: (n, len(y), len(x))."""
    rows, columns = torch.meshgrid(2 * y - 1, 2 * x - 1, indexing="ij")
    places = torch.stack([columns, rows], dim=-1)[None]
    return F.grid_sample(maps[None], places, padding_mode="border", align_corners=False)[0]


def grid_step(size: Sequence[int], grid: Sequence[int]) -> int:
    """Multiples of how many pixels a grid covers: 16, as in the reference, or more where its positions are further apart."""
    step = STEP
    while any(positions * step < side for side, positions in zip(size, grid, strict=True)):
        step *= 2
    return step


def _merge_scales(maps: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
    resized = (F.interpolate(m[None], size, mode="bilinear", align_corners=False)[0] for m in maps)
    return torch.stack(tuple(resized)).sum(dim=0)


def normalise_maps(maps: Tensor) -> Tensor:
    """Maps (n, H, W) ≥ 0, each divided by its own maximum plus 1e-5."""
    return maps / (maps.amax(dim=(1, 2), keepdim=True) + EPSILON)

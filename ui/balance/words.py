"""What a fit changed, in sentences that follow from its numbers."""

from collections.abc import Mapping, Sequence

from recam_core import Refit, RefitConfig
from recam_core.networks.readouts import READOUTS, readout_labels, recam_readouts, untrained_readouts
from recam_core.records import CAM, SeedScore
from recam_core.records.names import percent
from ui.widgets.ladder import as_text

FLAT = 0.01  # mIoU: a curve that moves less than this over all λ is flat


def untrained(config: RefitConfig) -> tuple[str, ...]:
    """Readouts that mean nothing, because FC2 never learned."""
    return untrained_readouts(config.recam_weight, config.objective)


def what_changed(fitted: Refit, covered: Mapping[str, float], threshold: float, name: str) -> str:
    """One sentence on this picture, and one on the whole set where masks are known."""
    shown = [readout for readout in recam_readouts() if readout not in untrained(fitted.config)]
    areas = ", ".join(f"{READOUTS[readout].label} {percent(covered[readout])}" for readout in shown)
    start = (
        f"At λ = {as_text(fitted.config.recam_weight)} and above {threshold:.2f}, **{name}** covers {areas} of this picture; "
        f"CAM {percent(covered[CAM])}."
    )
    if not fitted.scores:
        return (
            f"{start} These pictures are fitted on without true masks, so no λ can be called better than another here."
        )
    best = max(shown, key=lambda readout: fitted.scores[readout].miou)
    gain = fitted.scores[best].miou - fitted.scores[CAM].miou
    way = "above" if gain > 0 else "below"
    if abs(gain) < 0.0005:
        return f"{start} Over all pictures the best readout, {READOUTS[best].label}, is level with CAM."
    return f"{start} Over all pictures the best readout, {READOUTS[best].label}, is {abs(100 * gain):.1f} points {way} CAM."


def flatness(fits: Sequence[Refit]) -> str:
    """A sentence where no readout moves over the λ that were tried although SCE took part; else nothing."""
    tried = [fit for fit in fits if fit.scores and fit.config.recam_weight > 0]
    if len(tried) < 4 or any(fit.config.last_block for fit in tried):
        return ""
    absent = {name for fit in tried for name in untrained(fit.config)}
    spreads = {
        name: max(fit.scores[name].miou for fit in tried) - min(fit.scores[name].miou for fit in tried)
        for name in recam_readouts()
        if name not in absent
    }
    flat = [name for name, spread in spreads.items() if spread < FLAT]
    if not flat:
        return ""
    return (
        f"{readout_labels(flat)} {'hardly move' if len(flat) > 1 else 'hardly moves'} with λ (less than {100 * FLAT:g} point): "
        "the backbone is frozen, so the features stay the same and only what reads them out can answer."
    )


def table_rows(fits: Sequence[Refit]) -> list[dict[str, str]]:
    """A row a fit: its settings in words, mIoU of every readout, seconds."""
    return [_row(fit) for fit in fits]


def _row(fit: Refit) -> dict[str, str]:
    config, absent = fit.config, untrained(fit.config)
    what = {"both": "two heads", "shared": "one shared head", "sce": "SCE alone"}[config.objective]
    if not config.mask_gradient:
        what += ", mask detached"
    if config.last_block:
        what += ", last block too"
    return (
        {"λ": "–" if config.objective == "sce" else as_text(config.recam_weight), "what": what}
        | {READOUTS[name].label: _score(fit.scores.get(name), name in absent) for name in READOUTS}
        | {
            "SCE": f"{fit.losses[-8:, 1].mean():.2f}" if fit.losses[:, 1].any() else "–",
            "fitted in": f"{fit.seconds:.1f} s",
        }
    )


def _score(score: SeedScore | None, absent: bool) -> str:
    return "untrained" if absent else "–" if score is None else f"{100 * score.miou:.1f}"

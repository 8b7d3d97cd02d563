"""What happened in a climb, in sentences; each stands on measured numbers and says them."""

from collections.abc import Sequence

from recam_core import AdvCamOptions, RefineStep
from recam_core.records.names import percent
from recam_core.refiners.advcam.result import valid_steps

RAN_AWAY = 3.0  # times the peak of step 1
FROZE = 0.01  # share of y that it moved
BLED = 0.25  # share of what y gained that the others gained


def what_happened(steps: Sequence[RefineStep], options: AdvCamOptions, sure: bool = True) -> list[str]:
    """Sentences about the climb so far (the last scale of it), for one class; not ``sure`` while it goes on.

    Whether it froze is said only at the end, because a climb may start slowly.
    """
    steps = [step for step in valid_steps(steps) if step.scale_index == steps[-1].scale_index]
    first, last = steps[0], steps[-1]
    name = first.classes[0]
    if last.steps == 1:
        return ["T is 1, so this is the ordinary map: nothing was climbed."]
    if len(steps) < 2:
        return []
    y = [float(step.score[0]) for step in steps]
    others = [float(step.others[0]) for step in steps]
    sentences = [f"By step {len(steps)}, y of {name} {_moved(y)}; the other classes together {_moved(others)}."]
    peaks = [float(step.exceeds[0]) for step in steps]
    at = peaks.index(max(peaks))
    if peaks[at] > RAN_AWAY:
        sentences.append(
            f"It ran away: at step {at + 1} the map’s peak is {peaks[at]:.1f} times that of step 1. Lower ξ or raise μ."
        )
    before, after = float(first.objective[0]), float(last.objective[0])
    moved = abs(y[-1] - y[0]) / max(abs(y[0]), 1e-12)
    if sure and moved <= FROZE:
        why = "ξ is 0" if options.xi == 0 else "Raise ξ or lower μ"
        sentences.append(f"It froze: y moved by {percent(moved, 1)} in {len(steps) - 1} nudges. {why}.")
    elif after < before:
        sentences.append(
            f"It went down instead of up: the objective fell from {_plain(before)} to {_plain(after)}. Lower ξ or μ."
        )
    gained = others[-1] - others[0]
    if gained > 0 and gained > max(BLED * (y[-1] - y[0]), FROZE * abs(others[0])) and moved > FROZE:
        share = f", {percent(gained / (y[-1] - y[0]))} of what {name} gained" if y[-1] > y[0] else f" while {name} lost"
        sentences.append(f"It bled into other classes: they gained {gained:.3g}{share}. Lower ξ.")
    return sentences


def _plain(value: float) -> str:
    return f"{value:.3g}".replace("-", "−")


def _moved(values: Sequence[float]) -> str:
    before, after = values[0], values[-1]
    if abs(after - before) <= 0.001 * max(abs(before), 1e-12):
        return f"stayed at {before:.3g}"
    verb = "rose" if after > before else "fell"
    if before > 0:
        change = f"{100 * (after - before) / before:+.0f} %".replace("-", "−")
        return f"{verb} from {before:.3g} to {after:.3g} ({change})"
    return f"{verb} from {before:.3g} to {after:.3g}"

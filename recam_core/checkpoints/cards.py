"""What a model's card may hold: of the parts that this project knows, what has another form is left out.

Files come from other hands. Whoever shows a card, or starts from it, then finds ours or nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from recam_core.networks.readouts import READOUTS
from recam_core.records import Calibration, TrainConfig, UserError

KINDS = {
    **dict.fromkeys(("about", "warning"), str),
    **dict.fromkeys(("training", "scores", "walk", "climb", "boundary", "imported", "calibration", "prototypes"), dict),
}
FIGURES = ("miou", "fp", "fn")  # of a row of scores; None where no class was there
LARGEST = 1e12  # of any number that is shown


def clean_card(card: Mapping[str, Any]) -> dict[str, Any]:
    """A card without the entries that are not as ours are; parts that we do not know stay what they are."""
    known = {name: value for name, value in card.items() if name not in KINDS or isinstance(value, KINDS[name])}
    for name, clean in (("training", _training), ("scores", _scores), ("walk", _walk), ("calibration", _calibration)):
        if name in known:
            known[name] = clean(known[name])
    return known


def _calibration(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Temperature and threshold, where both are what they can be, and of what was measured what can be shown."""
    try:
        Calibration(entry.get("temperature", 1.0), entry.get("preselect", 0.5))
    except (UserError, TypeError):
        return {}
    kinds = {"precision": 0.0, "mean_ap": 0.0, "pictures": 0, "split": ""}
    known = {name: value for name, value in entry.items() if name not in kinds or _is_like(value, kinds[name])}
    precisions = known.get("average_precision", {})
    if not isinstance(precisions, dict) or not all(map(_is_number, precisions.values())):
        del known["average_precision"]
    return known


def _training(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a training; those that we know only where their kind is the right one."""
    known: dict[str, Any] = {field.name: field.default for field in fields(TrainConfig)}
    return {name: value for name, value in entry.items() if name not in known or _is_like(value, known[name])}


def _scores(entry: Mapping[str, Any]) -> dict[str, Any]:
    return _cleaned(entry, _measured)


def _measured(entry: Any) -> dict[str, Any] | None:
    """One measurement: a row a readout (or the control's), and where the card says so how many pictures, how, how often."""
    if not isinstance(entry, dict):
        return None
    kinds = {"pictures": int, "how": str, "seeds": int}
    entries = {name: value for name, value in entry.items() if name not in kinds or _is_like(value, kinds[name]())}
    rows = _cleaned(entry.get("readouts"), _row)
    return entries | {"readouts": rows} if rows else None


def _row(entry: Any) -> dict[str, Any] | None:
    """A row: its threshold, and the figures of those that there are."""
    if not isinstance(entry, dict) or not _is_number(entry.get("threshold")):
        return None
    odd = {name for name in FIGURES if name in entry and entry[name] is not None and not _is_number(entry[name])}
    odd |= set() if _is_gain(entry.get("over_cam")) else {"over_cam"}
    return {name: value for name, value in entry.items() if name not in odd}


def _walk(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a walk stay, and are refused by whoever walks; what was measured with them only where all of it is there."""
    rows = _cleaned(entry.get("measured"), _walked)
    rows = {name: row for name, row in rows.items() if name in READOUTS}
    if rows and _is_number(entry.get("pictures")) and isinstance(entry.get("split"), str):
        return {**entry, "measured": rows}
    return {name: value for name, value in entry.items() if name != "measured"}


def _walked(entry: Any) -> dict[str, Any] | None:
    after = [entry.get(name) for name in ("reference", "chosen")] if isinstance(entry, dict) else [None]
    usable = all(isinstance(row, dict) and _is_number(row.get("miou")) and _is_gain(row.get("gain")) for row in after)
    return entry if usable and _is_number(entry.get("before")) else None


def _cleaned(entries: Any, clean: Callable[[Any], dict[str, Any] | None]) -> dict[str, Any]:
    """Entries of a dict as ``clean`` leaves them, without those that it leaves nothing of."""
    cleaned = {name: clean(value) for name, value in entries.items()} if isinstance(entries, dict) else {}
    return {name: value for name, value in cleaned.items() if value is not None}


def _is_gain(value: Any) -> bool:
    return isinstance(value, dict) and all(_is_number(value.get(name)) for name in ("mean", "low", "high"))


def _is_like(value: Any, default: Any) -> bool:
    """Whether a value has the kind of a setting; JSON has lists for tuples, and whole numbers among all."""
    if isinstance(default, bool | str):
        return isinstance(value, type(default))
    if isinstance(default, tuple):
        return isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)
    return _is_number(value) and (isinstance(default, float) or isinstance(value, int))


def _is_number(value: Any) -> bool:
    """A number that can be written down: no bool, not infinite, not NaN."""
    return isinstance(value, int | float) and not isinstance(value, bool) and -LARGEST <= value <= LARGEST

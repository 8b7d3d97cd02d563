"""What a model's card says in words."""

from collections.abc import Mapping, Sequence
from typing import Any

from recam_core.networks.backbones import BACKBONES
from recam_core.networks.readouts import NETWORKS, READOUTS
from recam_core.records import CAM, TrainConfig, is_library_name
from recam_core.records.names import percent

FIRST = 6  # class names that are shown before the card is opened


def backbone_words(name: str) -> tuple[str, str]:
    """A backbone and its output stride; the stride is empty for one that is not known."""
    if is_library_name(name):
        library, _, model = name.partition(":")
        model, _, finer = model.partition("@")
        return f"{model} of {library}", f"output stride {finer}" if finer else "its own output stride"
    row = BACKBONES.get(name)
    return (name, "") if row is None else (row.label, f"output stride {row.stride}")


def classes_words(classes: Sequence[str]) -> str:
    """The first classes by name, and how many more there are."""
    more = len(classes) - FIRST
    return ", ".join(classes[:FIRST]) + (f" and {more} more" if more > 0 else "")


def readout_words(readouts: Sequence[str]) -> str:
    """The readouts that a model has."""
    if not readouts:
        return "none, gradient methods alone"
    return " · ".join(READOUTS[name].label for name in readouts if name in READOUTS)


def size_words(size: int) -> str:
    """A file's size."""
    if size < 2**20:
        return f"{max(1, round(size / 2**10))} KB"
    return f"{size / 2**20:.1f} MB" if size < 100 * 2**20 else f"{round(size / 2**20)} MB"


def missing_words(networks: Sequence[str]) -> str:
    """What a model with these networks lacks and what that means; empty where it has everything."""
    if set(networks) >= set(NETWORKS):
        return ""
    if CAM in networks:
        return "Only CAM: this model has no FC2, so there is nothing of ReCAM to read out. Train FC2 on it to see both."
    return "Only ReCAM: the stage-1 network, which CAM is read out of, is missing, so there is nothing to compare with."


def best_score(card: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """The best readout with its mIoU, CAM's beside it, and on what: of the first measurement that a card holds."""
    scores = card.get("scores")
    for where, measured in scores.items() if isinstance(scores, dict) else ():
        try:
            rows = {name: float(row["miou"]) for name, row in measured["readouts"].items() if name in READOUTS}
            best = max(rows, key=rows.__getitem__)
            how = f", {measured['how']}" if measured.get("how") else ""
            where_measured = f"{measured['pictures']} pictures of {where}{how}"
        except (AttributeError, KeyError, TypeError, ValueError):  # a card of another hand
            continue
        beside = "" if best == "cam" or "cam" not in rows else f"CAM {percent(rows['cam'], 1)}"
        return f"{READOUTS[best].label} {percent(rows[best], 1)} mIoU", beside, where_measured
    return None


def training_words(training: Mapping[str, Any]) -> str:
    """How a model was trained, in a few sentences; empty where the card does not say."""
    known = set(TrainConfig.__dataclass_fields__)
    if not {"dataset", "stage1_epochs", "stage2_epochs"} <= set(training):
        return ""
    try:
        config = TrainConfig(**{name: _hashable(value) for name, value in training.items() if name in known})
    except (TypeError, ValueError):  # UserError is one
        return ""
    start = f"Stage 1 taken from {config.stage1}" if config.stage1 else f"Stage 1: {config.stage1_epochs} epochs of BCE"
    loss = {
        "both": f"BCE + {config.recam_weight:g} · SCE",
        "shared": f"BCE + {config.recam_weight:g} · SCE on one head",
        "sce": "SCE alone",
    }[config.objective]
    return (
        f"Trained on {config.dataset} {config.split}".rstrip()
        + f", {'ImageNet' if config.weights == 'imagenet' else 'random' if config.weights == 'none' else 'given'} weights at "
        f"the start. {start}. Stage 2: {config.stage2_epochs} epochs of {loss}. {config.optimizer.upper()}, batches of "
        f"{config.batch_size}, crops of {config.crop} px from pictures of {config.long_side_min} to {config.long_side_max} px. "
        f"Seed {config.seed}."
    )


def settings_rows(training: Mapping[str, Any]) -> list[dict[str, str]]:
    """Every setting of a training as a row of a table."""
    return [{"setting": name, "value": _value_words(value)} for name, value in training.items()]


def _value_words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "–"
    return str(value) if value != "" else "–"


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value

"""What speaks against a training before it starts: what stops it, and what one should know."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recam_core.networks.initial_weights import imagenet_counterparts
from recam_core.networks.readouts import readout_labels, untrained_readouts
from recam_core.records import MOST_RATE, TRAIN_LIMITS, DataReport, TrainConfig
from ui.train.words import NUMBERS, OPTIMIZERS

MANY = 12  # watched pictures
SMALLEST_CROP = 32  # px: of a smaller one two positions or fewer of a map are left
HEAVY = 10.0  # λ above which BCE hardly counts
STEEP = {"sgd": 1.0, "adamw": 0.1}  # rates above which weights usually run away


@dataclass(frozen=True)
class Data:
    """What the form knows of a data set: its size, its classes and, where it was checked, the report."""

    pictures: int
    classes: tuple[str, ...]
    report: DataReport | None = None


def wrong(typed: Mapping[str, Any]) -> dict[str, str]:
    """Numbers that cannot be, by the names of the settings, each with a sentence in the form's words."""
    sentences = {}
    for name, value in typed.items():
        if name not in NUMBERS:
            continue
        least, most = TRAIN_LIMITS.get(name, (0, MOST_RATE))
        if not least <= value <= most:
            bound = f"at most {most:,.0f}" if value > most else f"at least {least:g}"
            sentences[name] = f"“{NUMBERS[name][0]}” is {value:g}; it must be {bound}."
    low, high = (typed.get(f"long_side_{end}", 0) for end in ("min", "max"))
    if low > high and not {"long_side_min", "long_side_max"} & set(sentences):
        labels = [NUMBERS[f"long_side_{end}"][0].removesuffix(", px") for end in ("min", "max")]
        sentence = f"“{labels[0]}” ({low} px) is larger than “{labels[1]}” ({high} px)."
        sentences |= {"long_side_min": sentence, "long_side_max": sentence}
    return sentences


def stops(config: TrainConfig, data: Data, known: tuple[str, ...] | None) -> list[str]:
    """Sentences why this cannot be trained; ``known`` are the classes of the model that stage 2 builds on, if there is one."""
    sentences = []
    report = data.report
    if not data.pictures:
        sentences.append("The data set has no picture that can be read.")
    elif report is not None and report.broken_count >= report.pictures:
        sentences.append("Every picture of the data set is broken; the check above says why.")
    elif report is not None and not sum(report.per_class):
        sentences.append("No picture of the data set has a label, so there is nothing to learn.")
    if known is not None and (lacking := [name for name in data.classes if name not in known]):
        sentences.append(
            f"The model {config.stage1} knows {_few(known)}, the data set has {_few(data.classes)}; the model lacks "
            f"{', '.join(lacking[:5])}{' …' if len(lacking) > 5 else ''}. Choose another model, or train both stages."
        )
    if config.fc1_start == "imagenet" and not config.backbone.startswith("efficientnet") and not config.stage1:
        sentences.append(
            f"FC1 can only start from ImageNet's classifier with EfficientNet-Lite0; the network is {config.backbone}. "
            "Choose “at random”, or that network."
        )
    if config.fc1_start == "imagenet" and config.weights != "imagenet" and not config.stage1:
        sentences.append(
            "FC1 starts from ImageNet's classifier, but the network does not begin with ImageNet's weights; choose both."
        )
    if config.crop < SMALLEST_CROP:
        sentences.append(
            f"Crops of {config.crop} px are too small for a heatmap to form; take at least {SMALLEST_CROP} px."
        )
    if config.stage1 and not (config.stage2_backbone_rate or config.stage2_fc1_rate or config.fc2_rate):
        sentences.append("All learning rates of stage 2 are 0, so nothing would be learned; raise that of FC2.")
    return sentences


def rates_of(config: TrainConfig) -> tuple[str, ...]:
    """The learning rates that a training uses: without stage 1 only those of stage 2."""
    second = ("stage2_backbone_rate", "stage2_fc1_rate", "fc2_rate")
    return second if config.stage1 else ("backbone_rate", "fc1_rate", *second)


def remarks(config: TrainConfig, data: Data) -> list[str]:
    """Sentences that one should have read; the training can start all the same."""
    sentences = _of_the_numbers(config)
    if len(data.classes) == 1:
        sentences.append("There is one class: softmax has nothing to tell apart, so SCE teaches nothing.")
    if config.fc1_start == "imagenet" and not config.stage1 and not imagenet_counterparts(data.classes):
        sentences.append("ImageNet has a counterpart of none of these classes, so FC1 starts at random.")
    report = data.report
    if report is not None and report.unlabelled:
        sentences.append(f"{_pictures(report.unlabelled)} without labels: taken as showing none of the classes.")
    if report is not None and report.broken_count:
        sentences.append(f"{_pictures(report.broken_count)} that cannot be read: skipped and counted.")
    if data.pictures < config.batch_size:
        sentences.append(
            f"A step takes {config.batch_size} pictures and there are {data.pictures}: each epoch is one step."
        )
    if config.crop > config.long_side_max:
        sentences.append(
            f"Crops of {config.crop} px are larger than any picture will be ({config.long_side_max} px); their rim stays empty."
        )
    if config.validation and config.validation == config.split:
        sentences.append("Scores are of the pictures that it is trained on, so they will look better than they are.")
    if config.weights == "none" and config.backbone != "tiny" and not config.stage1:
        sentences.append(
            "From random weights such a network needs very many pictures and epochs; ImageNet's are the usual start."
        )
    if len(config.watch) > MANY:
        sentences.append(f"{len(config.watch)} pictures are looked at after every epoch, which takes time and disk.")
    return sentences


def _of_the_numbers(config: TrainConfig) -> list[str]:
    """What λ and the learning rates will do."""
    sentences = []
    if config.objective == "both" and config.recam_weight == 0:
        sentences.append(f"With λ = 0 FC2 learns nothing: {readout_labels(untrained_readouts(0))} will mean nothing.")
    if config.objective == "both" and config.recam_weight > HEAVY:
        sentences.append(f"With λ = {config.recam_weight:g} SCE outweighs BCE by far; the paper takes 1 and 0.1.")
    if steep := [name for name in rates_of(config) if getattr(config, name) > STEEP[config.optimizer]]:
        labels = ", ".join(f"{NUMBERS[name][0]}: {getattr(config, name):g}" for name in steep)
        sentences.append(
            f"With {OPTIMIZERS[config.optimizer].split(',')[0]} rates above {STEEP[config.optimizer]:g} usually let the weights "
            f"run away ({labels})."
        )
    if not config.stage1 and not (config.backbone_rate or config.fc1_rate):
        sentences.append("All learning rates of stage 1 are 0: CAM stays what the network shows before any training.")
    return sentences


def _pictures(count: int) -> str:
    return f"{count:,} picture{'' if count == 1 else 's'}"


def _few(names: tuple[str, ...]) -> str:
    return f"{len(names)} classes ({', '.join(names[:3])}{' …' if len(names) > 3 else ''})"

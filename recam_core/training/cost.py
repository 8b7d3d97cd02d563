"""What a run will take, told before it begins: a real step of each stage is tried on pictures of noise."""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor

from recam_core.datasets import Dataset
from recam_core.datasets.batches import Crops
from recam_core.networks.model import CamModel, build_model
from recam_core.records import Cost, TrainConfig, UserError, is_library_name
from recam_core.system.device import enough_memory, training_type
from recam_core.training.optimizer import build_optimizer
from recam_core.training.passes import look, look_size
from recam_core.training.run import Losses
from recam_core.training.validation import Validation

MIB = 2**20
TRIED = 4  # pictures whose reading is timed
ENOUGH = 1.0  # seconds of steps
BASE = 700 * MIB  # what a process takes that has loaded everything and trains nothing
READING = 4  # times a library's classifier is in memory while it is taken apart (ResNet-18 of 45 MiB: 208 MiB)


def estimate_cost(
    config: TrainConfig, pictures: int, device: torch.device, dataset: Dataset | None = None, classes: int = 20
) -> Cost:
    """Time, memory and disk of training on so many pictures in one process, from a warm and a timed step of each stage it has.

    A processor tries one or two pictures, from which a whole batch follows; a graphics card tries the batch itself. With a
    data set its classes are counted, and reading and scoring its pictures are timed. Raises ``UserError`` where memory does not
    suffice, or none of the pictures that were tried can be read.
    """
    classes = classes if dataset is None else len(dataset.classes)
    reading = _reading(config, dataset) if dataset is not None else 0.0
    with torch.random.fork_rng(devices=[]):  # nobody's training is disturbed
        cam, recam = (build_model(config.backbone, head, classes).to(device) for head in ("cam", "recam"))
        with enough_memory(
            f"The memory of {device} does not suffice for batches of {config.batch_size} crops of {config.crop} pixels; "
            "lower --batch-size (and raise --accumulate) or --crop."
        ):
            models = {2: recam} if config.stage1 else {1: cam, 2: recam}
            trials = {stage: _Trial(model, config, stage, device) for stage, model in models.items()}
            validation = _validation(config, dataset, recam) if config.validation else 0.0
    epochs = (0 if config.stage1 else config.stage1_epochs, config.stage2_epochs)
    each = [math.ceil(pictures / (config.batch_of(stage) * config.accumulate)) for stage in (1, 2)]
    steps = (epochs[0] * each[0], epochs[1] * each[1])
    times = {stage: trial.seconds + _loading(config, trial, reading) for stage, trial in trials.items()}
    first, second = times.get(1, 0.0), times[2]
    weights = sum(_nbytes(model.state_dict().values()) for model in (cam, recam))
    checkpoint = weights + max(trial.optimizer_bytes for trial in trials.values())
    classifier = READING * _nbytes(cam.state_dict().values()) if is_library_name(config.stage1) else 0
    return Cost(
        seconds=steps[0] * first + steps[1] * second + sum(epochs) * validation,
        step_seconds=(first, second),
        steps=steps,
        memory_mib=(
            max(trial.peak_bytes for trial in trials.values())
            + (BASE + weights + classifier + checkpoint) * (device.type == "cpu")
        )
        / MIB,
        disk_mib=(2 * checkpoint + weights / (2 if config.half else 1))
        / MIB,  # the old one stays until the new one is there
        picture_seconds=reading,
        validation_seconds=sum(epochs) * validation,
        memory_how="measured"
        if device.type == "cuda"
        else "estimated: torch, networks, gradients, what a step keeps for them, and a checkpoint",
    )


class _Trial:
    """A warm and a timed step of a stage: seconds and most bytes of a whole step with all its batches."""

    def __init__(self, model: CamModel, config: TrainConfig, stage: int, device: torch.device) -> None:
        batch = config.batch_of(stage)
        size = batch if device.type == "cuda" else min(batch, 2 if config.crop <= 256 else 1)
        self.batches, self.pictures = config.accumulate, batch * config.accumulate
        optimizer = build_optimizer(model, config, stage)
        losses = Losses(model, training_type(device, config.precision), False, config.training_stride)
        shape = (3, config.crop, config.crop)
        pixels = torch.randint(0, 256, (size, *shape), dtype=torch.uint8).to(device)
        labels = torch.zeros(size, len(model.classifier_weights()), device=device)
        labels[:, :2] = 1

        def learn() -> None:
            optimizer.zero_grad(set_to_none=True)
            losses(pixels, torch.ones_like(pixels[:, :1], dtype=torch.bool), labels)[0].backward()

        for group in optimizer.param_groups:
            group["lr"] = 0.0  # noise teaches nothing
        with _gradient_bytes() as gradient_bytes:
            learn()
        optimizer.step()
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        times = [_seconds(learn, device)]
        while sum(times) < ENOUGH and len(times) < 3:  # short ones are disturbed easily
            times.append(_seconds(learn, device))
        update = _seconds(optimizer.step, device)  # once for all pictures
        self.seconds = min(times) * batch / size * config.accumulate + update
        states = (value for state in optimizer.state.values() for value in state.values() if isinstance(value, Tensor))
        self.optimizer_bytes = _nbytes(states)
        if device.type == "cuda":
            self.peak_bytes = torch.cuda.max_memory_allocated(device)
        else:
            gradients = _nbytes(p.grad for p in model.parameters() if p.grad is not None)
            self.peak_bytes = gradient_bytes[0] * batch // size + gradients + self.optimizer_bytes


@contextmanager
def _gradient_bytes() -> Iterator[list[int]]:
    """Bytes of the tensors that are kept for gradients inside, each storage once and without parameters."""
    total, addresses = [0], set[int]()

    def keep(tensor: Tensor) -> Tensor:
        place = tensor.untyped_storage()
        if place.data_ptr() not in addresses and not isinstance(tensor, torch.nn.Parameter):
            addresses.add(place.data_ptr())
            total[0] += place.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        yield total


def _seconds(call: Callable[[], object], device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    start = time.perf_counter()
    call()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def _nbytes(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.nbytes for tensor in tensors)


def _reading(config: TrainConfig, dataset: Dataset) -> float:
    """Seconds that reading and cropping a picture takes, mean of a few; broken ones are passed over."""
    crops, count = Crops(dataset, config, 1, 0), len(dataset)
    times = []
    for i in sorted({round(k * (count - 1) / TRIED) for k in range(TRIED + 1)}):
        start = time.perf_counter()
        if isinstance(crops[i][0], Tensor):
            times.append(time.perf_counter() - start)
    if not times:
        raise UserError(f"None of {TRIED} pictures that were tried could be read, for example {dataset.name(0)}.")
    return sum(times[1:] or times) / len(times[1:] or times)  # the first one also opens what all need


def _loading(config: TrainConfig, trial: _Trial, reading: float) -> float:
    """Seconds that a step waits for its pictures: all of their reading, or what workers do not get done in the meantime."""
    if not config.workers:
        return trial.pictures * reading
    return max(0.0, trial.pictures * reading / config.workers - trial.seconds)


def _validation(config: TrainConfig, dataset: Dataset | None, model: CamModel) -> float:
    """Seconds that scoring takes after an epoch: of the data set's own pictures where there is one, else of noise."""
    if dataset is None:
        side = look_size(config)
        noise = torch.randint(0, 256, (side, side, 3), dtype=torch.uint8).numpy()
        return _seconds(lambda: look(model, noise), model.device) * config.validation_pictures
    few = Validation(dataset, replace(config, validation_pictures=2))
    return _seconds(lambda: list(few.score(model, 2, 0)), model.device) / len(few.pictures) * config.validation_pictures

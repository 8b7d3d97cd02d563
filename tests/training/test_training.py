"""Two stages as a stream of events: what changes, what must not, and every way to stop and go on."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import timm
import torch
from distributed_script import Squares
from hostile import Hostile
from safetensors.torch import load_file
from torch import nn

from recam_core.checkpoints.importers import CLASS_LISTS
from recam_core.checkpoints.pair_file import RUN_MODEL, load_pair, read_header
from recam_core.networks.backbones import BACKBONES, libraries
from recam_core.networks.backbones.efficientnet import imagenet_tensors
from recam_core.networks.backbones.fixed_stride import FixedStride
from recam_core.networks.backbones.tiny import Tiny
from recam_core.networks.initial_weights import imagenet_rows
from recam_core.networks.model import build_model
from recam_core.networks.readouts import READOUTS
from recam_core.records import EpochEnd, Finished, TrainConfig, TrainStep, UserError
from recam_core.training.cost import estimate_cost
from recam_core.training.optimizer import build_optimizer, set_rates
from recam_core.training.run_folder import CHECKPOINT
from recam_core.training.setup import starting_networks
from recam_core.training.two_stage import train

CPU = torch.device("cpu")

CONFIG = TrainConfig(
    stage1_epochs=2,
    stage2_epochs=2,
    batch_size=4,
    backbone_rate=0.02,
    fc1_rate=0.2,
    stage2_backbone_rate=0.01,
    stage2_fc1_rate=0.02,
    fc2_rate=0.1,
    long_side_min=32,
    long_side_max=56,
    crop=40,
)
ONCE = replace(CONFIG, stage1_epochs=1, stage2_epochs=1, batch_size=8)  # one step for each stage


def finish(out, config=CONFIG, resume=False, dataset=None):
    return list(train(config, dataset or Squares(), out, CPU, resume))


def stop_after(out, epochs, more_steps=0, config=CONFIG):
    """Let a run end so many epochs, take so many steps more, and abandon it there."""
    events = train(config, Squares(), out, CPU)
    for event in events:
        epochs -= isinstance(event, EpochEnd)
        if epochs == 0 and isinstance(event, EpochEnd):
            break
    for _ in range(more_steps):
        next(events)
    events.close()


def checkpoint(out):
    return torch.load(out / CHECKPOINT, weights_only=True)


def network(out, stage):
    return {n.removeprefix(f"{stage}."): v for n, v in load_file(out / RUN_MODEL).items() if n.startswith(f"{stage}.")}


def equal(one, two):
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder and the events of a run that nobody stopped."""
    out = tmp_path_factory.mktemp("run") / "whole"
    return out, finish(out)


def test_events_come_in_order(whole):
    out, events = whole
    order = [(type(e), e.stage, e.epoch, getattr(e, "step", None)) for e in events[:-1]]
    expected = []
    for stage in (1, 2):
        for epoch in (0, 1):
            expected += [(TrainStep, stage, epoch, 2 * epoch + i) for i in (1, 2)]
            expected.append((EpochEnd, stage, epoch, None))
    assert order == expected
    assert isinstance(events[-1], Finished)
    assert events[-1].where == str(out / RUN_MODEL)
    assert events[-1].detail == {"pictures": 8, "classes": 3}


def test_sce_is_reported_in_stage_2_only(whole):
    steps = [e for e in whole[1] if isinstance(e, TrainStep)]
    assert all(e.loss_sce == 0 for e in steps if e.stage == 1)
    assert all(e.loss_sce > 0 for e in steps if e.stage == 2)


def test_an_epoch_reports_the_mean_over_its_pictures(whole):
    for end in (e for e in whole[1] if isinstance(e, EpochEnd)):
        steps = [e for e in whole[1] if isinstance(e, TrainStep) and (e.stage, e.epoch) == (end.stage, end.epoch)]
        assert end.loss_bce == pytest.approx(np.mean([e.loss_bce for e in steps]))
        assert end.loss_sce == pytest.approx(np.mean([e.loss_sce for e in steps]))


def test_rates_follow_the_polynomial_of_their_stage(whole):
    for stage, start in ((1, CONFIG.backbone_rate), (2, CONFIG.stage2_backbone_rate)):
        rates = [e.rate for e in whole[1] if isinstance(e, TrainStep) and e.stage == stage]
        assert rates == pytest.approx([start * (1 - i / 4) ** 0.9 for i in range(4)])


def test_every_parameter_has_the_rate_of_its_group():
    model = build_model("tiny", "recam", 3)
    optimizer = build_optimizer(model, CONFIG, 2)
    grouped = [{id(p) for p in group["params"]} for group in optimizer.param_groups]
    parts = (model.backbone.parameters(), [model.head.fc1], [model.head.fc2])
    assert grouped == [{id(p) for p in part} for part in parts]
    set_rates(optimizer, 0.5, 2)
    assert [g["lr"] for g in optimizer.param_groups] == pytest.approx([0.01 / 4, 0.02 / 4, 0.1 / 4])
    assert len(build_optimizer(build_model("tiny", "cam", 3), CONFIG, 1).param_groups) == 2


@pytest.mark.parametrize("fc2_start", ["default", "fc1", "positive"])
def test_stage_2_starts_where_stage_1_ends_and_leaves_its_network_alone(tmp_path, fc2_start):
    config = replace(CONFIG, fc2_start=fc2_start)
    stop_after(tmp_path, 2, config=config)
    between = checkpoint(tmp_path)
    fc2 = between["recam"].pop("head.fc2")
    assert equal(between["cam"], between["recam"])
    assert torch.equal(fc2, between["cam"]["head.fc1"]) == (fc2_start == "fc1")
    assert torch.equal(fc2, between["cam"]["head.fc1"].relu()) == (fc2_start == "positive")
    finish(tmp_path, config, resume=True)
    assert equal(network(tmp_path, "cam"), between["cam"])
    after = network(tmp_path, "recam")
    assert not torch.equal(after["head.fc2"], fc2)
    assert not any(torch.equal(after[n], between["recam"][n]) for n in ("head.fc1", "backbone.stem.0.weight"))


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_a_run_stopped_after_any_epoch_ends_at_the_same_weights(tmp_path, optimizer):
    config = replace(CONFIG, optimizer=optimizer, backbone_rate=1e-3, fc1_rate=1e-2)
    straight, epochs = tmp_path / "straight", 0
    for event in train(config, Squares(), straight, CPU):
        if isinstance(event, EpochEnd):
            epochs += 1
            shutil.copytree(straight, tmp_path / str(epochs))  # what a stop leaves behind
    assert epochs == 4
    for stopped in (tmp_path / str(i) for i in range(1, 5)):
        finish(stopped, config, resume=True)
        assert equal(load_file(straight / RUN_MODEL), load_file(stopped / RUN_MODEL))


@pytest.mark.parametrize("epochs", [1, 3])
def test_a_run_stopped_inside_an_epoch_repeats_that_epoch(tmp_path, whole, epochs):
    stop_after(tmp_path, epochs, more_steps=1)
    again = finish(tmp_path, resume=True)
    assert [e.step for e in again if isinstance(e, TrainStep)][:2] == [3, 4]
    assert equal(load_file(tmp_path / RUN_MODEL), load_file(whole[0] / RUN_MODEL))


def test_resuming_a_finished_run_changes_nothing(whole):
    out, _ = whole
    before = load_file(out / RUN_MODEL)
    assert [type(e) for e in finish(out, resume=True)] == [Finished]
    assert equal(load_file(out / RUN_MODEL), before)


def test_the_seed_decides(tmp_path, whole):
    finish(tmp_path / "same")
    finish(tmp_path / "other", replace(CONFIG, seed=1))
    assert equal(load_file(tmp_path / "same" / RUN_MODEL), load_file(whole[0] / RUN_MODEL))
    assert not equal(load_file(tmp_path / "other" / RUN_MODEL), load_file(whole[0] / RUN_MODEL))


def test_changed_settings_are_refused_on_resume_by_name(tmp_path):
    stop_after(tmp_path, 1)
    with pytest.raises(UserError, match="started with another fc2_rate, crop; use its settings"):
        finish(tmp_path, replace(CONFIG, crop=32, fc2_rate=0.3), resume=True)


def test_there_must_be_something_to_resume(tmp_path):
    with pytest.raises(UserError, match="nothing to resume"):
        finish(tmp_path, resume=True)


def test_broken_and_hostile_checkpoints_are_refused(tmp_path):
    path, marker = tmp_path / CHECKPOINT, tmp_path / "marker"
    path.write_bytes(b"no checkpoint")
    with pytest.raises(UserError, match="cannot be read as a checkpoint"):
        finish(tmp_path, resume=True)
    torch.save({"config": Hostile(marker)}, path)
    with pytest.raises(UserError, match="cannot be read as a checkpoint"):
        finish(tmp_path, resume=True)
    assert not marker.exists()


def test_a_file_that_is_no_checkpoint_of_ours_is_refused(tmp_path):
    torch.save({"weights": torch.zeros(2)}, tmp_path / CHECKPOINT)
    with pytest.raises(UserError, match=CHECKPOINT):
        finish(tmp_path, resume=True)


class FourSquares(Squares):
    classes = (*Squares.classes, "boat")

    def labels(self, i):
        return np.append(super().labels(i), np.float32(0))


def test_a_data_set_with_other_classes_is_refused_on_resume(tmp_path):
    stop_after(tmp_path, 1)
    with pytest.raises(UserError, match="class"):
        finish(tmp_path, resume=True, dataset=FourSquares())


def test_a_loss_that_is_not_finite_stops_the_run_and_the_checkpoint_stays(tmp_path):
    config = replace(CONFIG, stage2_backbone_rate=1e30)
    with pytest.raises(UserError, match="no longer finite in stage 2, epoch 1: lower the learning rates"):
        finish(tmp_path, config)
    assert not (tmp_path / RUN_MODEL).exists()
    state = checkpoint(tmp_path)
    assert (state["stage"], state["done"]) == (2, 0)
    assert all(torch.isfinite(v).all() for v in state["cam"].values())


def test_weights_that_the_last_step_broke_are_not_passed_off_as_a_model(tmp_path):
    still = dict.fromkeys(("backbone_rate", "fc1_rate", "stage2_backbone_rate", "stage2_fc1_rate"), 0.0)
    with pytest.raises(UserError, match="finite"):
        finish(tmp_path, replace(ONCE, fc2_rate=3e38, weight_decay=1e10, **still))
    assert not (tmp_path / RUN_MODEL).exists()


@pytest.mark.slow
def test_frozen_parts_and_batchnorm_statistics_stay(tmp_path):
    torch.manual_seed(ONCE.seed)
    start = build_model("resnet18_s16", "cam", 3).state_dict()
    finish(tmp_path, replace(ONCE, backbone="resnet18_s16"))
    for stage in ("cam", "recam"):
        end = network(tmp_path, stage)
        same = {name for name in start if torch.equal(start[name], end[name])}
        statistics = {n for n in start if n.endswith(("running_mean", "running_var", "num_batches_tracked"))}
        stem = {n for n in start if n.startswith(("backbone.trunk.conv1", "backbone.trunk.bn1"))}
        assert statistics | stem == same  # everything else moved, BatchNorm's scale and shift too


@pytest.mark.slow
def test_rates_of_zero_keep_the_imagenet_start(tmp_path):
    rates = dict.fromkeys(
        ("backbone_rate", "fc1_rate", "stage2_backbone_rate", "stage2_fc1_rate", "fc2_rate", "weight_decay"), 0.0
    )
    finish(tmp_path, replace(ONCE, backbone="efficientnet_lite0", weights="imagenet", fc1_start="imagenet",
                             fc2_start="fc1", **rates))  # fmt: skip
    rows = imagenet_rows(Squares.classes)
    assert rows.any(dim=1).all()
    cam, recam = network(tmp_path, "cam"), network(tmp_path, "recam")
    for weight in (cam["head.fc1"], recam["head.fc1"], recam["head.fc2"]):
        assert torch.equal(weight, rows)
    for net in (cam, recam):
        assert torch.equal(net["backbone.trunk.conv_head.weight"], imagenet_tensors()["conv_head.weight"])


@pytest.mark.slow
def test_classes_that_imagenet_does_not_know_start_at_random(tmp_path):
    class Unknown(Squares):
        classes = ("scratch", "dent", "Hütte")

    data = Unknown()
    still = dict.fromkeys(("backbone_rate", "fc1_rate", "stage2_backbone_rate", "stage2_fc1_rate", "weight_decay"), 0.0)
    config = replace(ONCE, backbone="efficientnet_lite0", weights="imagenet", fc1_start="imagenet", **still)
    list(train(config, data, tmp_path / "imagenet", CPU))
    list(train(replace(config, fc1_start="default"), data, tmp_path / "default", CPU))
    asked, plain = (network(tmp_path / name, "cam")["head.fc1"] for name in ("imagenet", "default"))
    assert asked.any(dim=1).all()
    assert torch.equal(asked, plain)


def test_an_imagenet_start_needs_the_network_it_is_made_for(tmp_path):
    with pytest.raises(UserError, match="efficientnet_lite0 only; tiny has 128"):
        finish(tmp_path, replace(ONCE, fc1_start="imagenet"))


def test_stage_1_can_be_taken_from_a_trained_model(tmp_path, whole):
    given = whole[0] / RUN_MODEL
    config = replace(CONFIG, stage1=str(given), fc2_start="fc1")
    events = finish(tmp_path / "straight", config)
    assert {e.stage for e in events[:-1]} == {2}
    assert equal(network(tmp_path / "straight", "cam"), network(whole[0], "cam"))
    stop_after(tmp_path / "stopped", 1, config=config)
    finish(tmp_path / "stopped", config, resume=True)
    assert equal(load_file(tmp_path / "straight" / RUN_MODEL), load_file(tmp_path / "stopped" / RUN_MODEL))


def test_a_stage_1_of_other_classes_or_another_backbone_is_refused(tmp_path, whole):
    config = replace(ONCE, stage1=str(whole[0] / RUN_MODEL))
    with pytest.raises(UserError, match="does not fit this run"):
        finish(tmp_path, config, dataset=FourSquares())
    with pytest.raises(UserError, match="does not fit this run"):
        finish(tmp_path, replace(config, backbone="resnet18_s16"))


def test_without_lambda_fc2_stays_at_its_start(tmp_path):
    finish(tmp_path, replace(ONCE, recam_weight=0.0, fc2_start="fc1"))
    assert torch.equal(network(tmp_path, "recam")["head.fc2"], network(tmp_path, "cam")["head.fc1"])


@pytest.mark.parametrize("objective", ["shared", "sce"])
def test_an_ablation_without_fc2_leaves_it_at_its_start_and_says_so(tmp_path, objective):
    finish(tmp_path, replace(ONCE, objective=objective, fc2_start="fc1"))
    assert torch.equal(network(tmp_path, "recam")["head.fc2"], network(tmp_path, "cam")["head.fc1"])
    assert "without FC2" in load_pair(tmp_path).card["warning"]


def test_a_run_from_before_a_setting_existed_goes_on_with_its_default(tmp_path):
    stop_after(tmp_path, 1)
    state = torch.load(tmp_path / CHECKPOINT, weights_only=True)
    del state["config"]["objective"]
    torch.save(state, tmp_path / CHECKPOINT)
    finish(tmp_path, CONFIG, resume=True)
    with pytest.raises(UserError, match="another objective"):
        finish(tmp_path, replace(CONFIG, objective="sce"), resume=True)


def test_lambda_reaches_stage_2(tmp_path):
    for weight in (0.5, 2.0):
        finish(tmp_path / str(weight), replace(ONCE, recam_weight=weight, weight_decay=0.0, fc2_start="fc1"))
    moved = [
        network(tmp_path / str(w), "recam")["head.fc2"] - network(tmp_path / str(w), "cam")["head.fc1"]
        for w in (0.5, 2.0)
    ]
    torch.testing.assert_close(4 * moved[0], moved[1], rtol=1e-3, atol=1e-6)  # one SGD step


class Recorder(FixedStride, nn.Module):
    """The tiny network, noting what it is shown."""

    channels, mean, std, inputs, frozen = Tiny.channels, Tiny.mean, Tiny.std, [], ()

    def __init__(self, weights):
        super().__init__()
        self.net = Tiny()

    def forward(self, x):
        self.inputs.append((x.detach().clone(), self.training))
        return self.net(x)


def test_networks_see_the_mean_colour_outside_the_picture_and_stay_in_evaluation_mode(tmp_path, monkeypatch):
    monkeypatch.setitem(BACKBONES, "tiny", replace(BACKBONES["tiny"], build=Recorder))
    monkeypatch.setattr(Recorder, "inputs", [])
    finish(tmp_path, replace(ONCE, long_side_min=48, long_side_max=48, crop=64))
    assert len(Recorder.inputs) == 2
    for x, training in Recorder.inputs:
        assert not training
        covered = (x != 0).any(dim=1).sum(dim=(1, 2))
        assert (covered >= 0.99 * 48 * 48).all()  # grey 127.5 does not exist in 8 bits
        assert (covered <= 48 * 48).all()


def test_the_networks_learn(tmp_path):
    config = replace(
        CONFIG, stage1_epochs=12, optimizer="adamw", backbone_rate=2e-3, fc1_rate=1e-2, fc2_rate=1e-2, fc2_start="fc1"
    )
    ends = [e for e in finish(tmp_path, config) if isinstance(e, EpochEnd)]
    stage1 = [e.loss_bce for e in ends if e.stage == 1]
    assert stage1[-1] < 0.5 * stage1[0]


def test_the_model_file_carries_its_settings(tmp_path):
    out = tmp_path / "mine"
    finish(out, replace(ONCE, root=str(tmp_path / "data" / "squares"), half=True))
    pair = load_pair(out)
    assert (pair.name, pair.classes, pair.backbone) == ("mine", Squares.classes, "tiny")
    assert pair.card["training"]["fc2_rate"] == ONCE.fc2_rate
    assert pair.card["training"]["root"] == "squares"
    assert network(out, "cam")["head.fc1"].dtype == torch.float16


@pytest.mark.slow
@pytest.mark.usefixtures("read_here")
def test_the_model_file_names_no_folder_of_this_machine(tmp_path, whole):
    weights = tmp_path / "resnet.pth"
    torch.save(build_model("resnet18_s16", "cam", 3).backbone.trunk.state_dict(), weights)
    for name, change in (
        ("root", {"root": str(tmp_path / "squares")}),
        ("weights", {"backbone": "resnet18_s16", "weights": str(weights)}),
        ("stage1", {"stage1": str(whole[0] / RUN_MODEL)}),
    ):
        finish(tmp_path / name, replace(ONCE, **change))
        header = json.dumps(read_header(tmp_path / name / RUN_MODEL))
        assert not [folder for folder in (tmp_path, whole[0].parent) if str(folder) in header], name


@pytest.mark.usefixtures("read_here")
def test_stage_two_goes_on_from_a_librarys_classifier(tmp_path):
    torch.manual_seed(0)
    classes = Squares().classes
    net = timm.create_model("resnet18", num_classes=len(classes))
    torch.save(net.state_dict(), tmp_path / "mine.pth")
    config = replace(ONCE, backbone="timm:resnet18", stage1="timm:resnet18", weights=str(tmp_path / "mine.pth"))
    events = finish(tmp_path / "run", config)
    assert {event.stage for event in events if isinstance(event, TrainStep)} == {2}
    pair = load_pair(tmp_path / "run" / RUN_MODEL)
    assert (pair.backbone, pair.readouts) == ("timm:resnet18", tuple(READOUTS))
    torch.testing.assert_close(pair.cam.head.fc1, net.fc.weight)  # stage 1 as it was
    assert not torch.equal(pair.recam.head.fc1, net.fc.weight)
    assert pair.recam.head.settings == {"bias": True, "activation": "sigmoid"}  # stage 2 teaches FC1 with BCE
    assert estimate_cost(config, 8, CPU, classes=len(classes)).memory_mib > 700


def test_imagenets_rows_of_a_librarys_classifier_start_classes_that_mean_them(monkeypatch):
    torch.manual_seed(0)
    net = timm.create_model("resnet18")
    build = timm.create_model
    monkeypatch.setattr(libraries, "check_reachable", lambda _: None)
    monkeypatch.setattr(
        timm, "create_model", lambda *a, pretrained=False, **how: net if pretrained else build(*a, **how)
    )
    monkeypatch.setattr(libraries, "check_reachable", lambda address: None)
    config = replace(ONCE, backbone="timm:resnet18", stage1="timm:resnet18")
    rows, bias = net.fc.weight.detach().clone(), net.fc.bias.detach().clone()
    cam, _ = starting_networks(config, ("zebra", "cat"), CPU, None)
    zebra = CLASS_LISTS["ImageNet"]().index("zebra")
    torch.testing.assert_close(cam.head.fc1[0], rows[zebra])
    torch.testing.assert_close(cam.head.fc1_bias[0], bias[zebra])
    with pytest.raises(UserError, match=r"it lacks unicorn\."):
        starting_networks(config, ("zebra", "unicorn"), CPU, None)

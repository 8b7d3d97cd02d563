"""What a training leaves in its folder, whatever happens to it: killed, out of space, broken pictures, numbers that ran away."""

import errno
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from distributed_script import CONFIG, EIGHT, Squares
from PIL import Image
from safetensors.torch import load_file

from recam_core.__main__ import main
from recam_core.checkpoints.pair_file import RUN_MODEL, load_pair, save_pair
from recam_core.networks.model import build_model
from recam_core.networks.pair import build_pair
from recam_core.networks.readouts import READOUTS, recam_readouts
from recam_core.records import EpochEnd, MapsKept, PictureSkipped, TrainStep, UserError, Validated
from recam_core.system.history import read_history
from recam_core.training.optimizer import build_optimizer
from recam_core.training.run_folder import CHECKPOINT, SETTINGS, read_run
from recam_core.training.two_stage import train
from recam_core.training.watched_pictures import read_epoch_maps, read_watched

CPU = torch.device("cpu")
TWICE = replace(CONFIG, stage1_epochs=2)
TIMES = ("time", "seconds", "waiting")


def finish(out, config=TWICE, dataset=None, resume=False):
    return list(train(config, dataset or Squares(EIGHT), out, CPU, resume))


def untimed(folder):
    """The history without its times, and without the folder's own name."""
    return [{k: v for k, v in event.items() if k not in (*TIMES, "where")} for event in read_history(folder)]


def equal(one, two):
    one, two = load_file(one / RUN_MODEL), load_file(two / RUN_MODEL)
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def test_history_holds_every_event_and_settings_what_it_was_started_with(tmp_path):
    events = finish(tmp_path)
    lines = read_history(tmp_path)
    assert [event["event"] for event in lines] == [type(event).__name__ for event in events]
    assert {k: lines[0][k] for k in asdict(events[0])} == asdict(events[0])
    run = read_run(tmp_path)
    assert (run.kind, run.config, run.classes) == ("train", TWICE, Squares.classes)
    assert run.versions["torch"] == torch.__version__


def test_steps_say_where_their_time_went(tmp_path):
    events = finish(tmp_path)
    steps = [e for e in events if isinstance(e, TrainStep)]
    assert all(0 < e.waiting < e.seconds for e in steps)
    for end in (e for e in events if isinstance(e, EpochEnd)):
        mine = [e for e in steps if (e.stage, e.epoch) == (end.stage, end.epoch)]
        assert end.waiting == pytest.approx(sum(e.waiting for e in mine))
        assert end.seconds >= sum(e.seconds for e in mine)
        assert (end.pictures, end.skipped) == (8, 0)


# Killed processes

ARGUMENTS = ["--recipe", "scenes", "--split", "samples", "--batch-size", "1", "--stage1-epochs", "2", "--stage2-epochs", "2",
             "--validation", "samples", "--watch", "samples-0003", "--device", "cpu"]  # fmt: skip


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    out = tmp_path_factory.mktemp("kill") / "whole"
    assert main(["train", *ARGUMENTS, "--out", str(out)]) == 0
    return out


def killed(out, after, *more):
    """The command with ``more`` arguments, killed after so many steps."""
    command = [sys.executable, "-m", "recam_core", "train", *ARGUMENTS, *more, "--json-lines", "--out", str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            after -= line.startswith('{"event": "TrainStep"')
            if after == 0:
                process.send_signal(signal.SIGKILL)
                break
        process.stdout.read()
    assert process.returncode == -signal.SIGKILL
    assert not (out / RUN_MODEL).exists()


@pytest.mark.process
def test_killed_in_epochs_and_resumed_it_ends_as_if_nothing_had_been(tmp_path, uninterrupted):
    out = tmp_path / "whole"
    killed(out, 5)  # before the first checkpoint
    assert len(untimed(out)) >= 5
    killed(out, 33, "--resume")  # in stage 2
    assert main(["train", *ARGUMENTS, "--resume", "--out", str(out)]) == 0
    assert equal(out, uninterrupted)
    assert untimed(out) == untimed(uninterrupted)
    assert sorted(p.name for p in out.rglob("*")) == sorted(p.name for p in uninterrupted.rglob("*"))


def test_resumed_before_its_first_checkpoint_it_starts_anew(tmp_path):
    finish(tmp_path / "whole")
    events = train(TWICE, Squares(EIGHT), tmp_path / "killed", CPU)
    next(events)
    events.close()
    assert (tmp_path / "killed" / SETTINGS).exists()
    assert not (tmp_path / "killed" / CHECKPOINT).exists()
    with pytest.raises(UserError, match="started with another crop; use its settings"):
        finish(tmp_path / "killed", replace(TWICE, crop=32), resume=True)
    finish(tmp_path / "killed", resume=True)
    assert untimed(tmp_path / "killed") == untimed(tmp_path / "whole")
    assert equal(tmp_path / "killed", tmp_path / "whole")


@pytest.mark.slow
def test_a_job_that_was_stopped_before_it_wrote_anything_can_be_resumed(tmp_path):
    (tmp_path / "job.json").write_text("{}")
    arguments = [*ARGUMENTS[:4], "--stage1-epochs", "1", "--stage2-epochs", "1", "--device", "cpu", "--resume"]
    assert main(["train", *arguments, "--out", str(tmp_path)]) == 0
    assert main(["train", *arguments, "--out", str(tmp_path / "no-run")]) == 2


def test_it_goes_on_without_the_model_and_the_files_that_it_began_with(tmp_path):
    finish(tmp_path / "first", CONFIG)
    given = tmp_path / "given.safetensors"
    shutil.copy(tmp_path / "first" / RUN_MODEL, given)
    photo = tmp_path / "mine.png"
    Image.new("RGB", (48, 48)).save(photo)
    config = replace(CONFIG, stage1=str(given), stage2_epochs=2, watch=(str(photo),))
    finish(tmp_path / "whole", config)
    events = train(config, Squares(EIGHT), tmp_path / "cut", CPU)
    next(e for e in events if isinstance(e, EpochEnd))
    next(events)  # the epoch's checkpoint is there
    events.close()
    given.unlink()
    photo.unlink()
    finish(tmp_path / "cut", replace(config, watch=("chelsea",)), resume=True)
    assert equal(tmp_path / "cut", tmp_path / "whole")
    assert untimed(tmp_path / "cut") == untimed(tmp_path / "whole")
    assert [picture.name for picture in read_watched(tmp_path / "cut")] == ["mine.png"]


def test_the_time_of_a_run_is_that_of_all_its_epochs(tmp_path):
    finish(tmp_path, TWICE)
    events = read_history(tmp_path)
    spent = sum(e["seconds"] for e in events if e["event"] in ("EpochEnd", "Validated"))
    finish(tmp_path, TWICE, resume=True)  # nothing is left to do
    again = read_history(tmp_path)
    assert [events[-1]["seconds"], again[-1]["seconds"]] == pytest.approx([spent, spent])
    assert len(again) == len(events)


def test_another_number_of_processes_is_refused_and_leftovers_go(tmp_path):
    finish(tmp_path)
    state = torch.load(tmp_path / CHECKPOINT, weights_only=True)
    torch.save(state | {"processes": 2}, tmp_path / CHECKPOINT)
    with pytest.raises(UserError, match=r"started by 2 processes, .* launch as many again \(now 1\)"):
        finish(tmp_path, resume=True)
    torch.save(state, tmp_path / CHECKPOINT)
    old, new = tmp_path / ".0a.part", tmp_path / ".0b.part"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    finish(tmp_path, resume=True)
    assert not old.exists()
    assert new.exists()  # somebody may be writing it


# A full disk


def test_without_space_for_a_checkpoint_the_old_one_stays_and_the_run_can_go_on(tmp_path, monkeypatch):
    finish(tmp_path / "whole")
    out, replaced, saves = tmp_path / "full", os.replace, []

    def full(source, target):
        saves.append(target)
        if Path(target).name == CHECKPOINT and len(saves) > 2:  # the settings, the first checkpoint, then
            raise OSError(errno.ENOSPC, "No space left on device")
        replaced(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(UserError, match=r"“checkpoint\.pt” could not be written: there is no space left for its"):
            finish(out)
    assert torch.load(out / CHECKPOINT, weights_only=True)["done"] == 1
    assert sorted(p.name for p in out.iterdir()) == ["checkpoint.pt", "history.jsonl", "settings.json"]
    ends = [e for e in untimed(out) if e["event"] == "EpochEnd"]
    assert len(ends) == 1  # the epoch whose checkpoint is not there has not ended
    finish(out, resume=True)
    assert untimed(out) == untimed(tmp_path / "whole")
    assert equal(out, tmp_path / "whole")


# Broken pictures, empty classes


def test_broken_pictures_are_skipped_counted_and_named_once(tmp_path):
    broken = Squares(EIGHT, broken=(0, 3))
    events = finish(tmp_path / "broken", dataset=broken)
    skipped = [e for e in events if isinstance(e, PictureSkipped)]
    assert sorted((e.name, e.reason) for e in skipped) == [(f"square-{i}", f"square-{i} is damaged.") for i in (0, 3)]
    ends = [e for e in events if isinstance(e, EpochEnd)]
    assert [(e.pictures, e.skipped) for e in ends] == [(6, 2)] * 3

    fewer = Squares(EIGHT, broken=(0, 3))
    stopped = train(TWICE, fewer, tmp_path / "again", CPU)
    while not isinstance(next(stopped), EpochEnd):
        pass
    stopped.close()
    finish(tmp_path / "again", dataset=fewer, resume=True)
    assert untimed(tmp_path / "again") == untimed(tmp_path / "broken")


def test_mean_losses_are_over_the_pictures_that_can_be_read(tmp_path):
    once = replace(CONFIG, batch_size=8, backbone_rate=0.0, fc1_rate=0.0)
    end = next(e for e in finish(tmp_path, once, Squares(EIGHT, broken=(1, 2))) if isinstance(e, EpochEnd))
    assert end.pictures == 6
    torch.manual_seed(0)
    assert 0.5 < end.loss_bce < 0.9  # of an untrained network, ln 2 = 0.69; a mean over eight would be a quarter less


def test_where_nothing_can_be_read_it_says_so_and_keeps_nothing(tmp_path):
    with pytest.raises(UserError, match="None of the 2 pictures of scenes train could be read, for example square-"):
        finish(tmp_path, dataset=Squares(EIGHT[:2], broken=(0, 1)))
    assert not (tmp_path / CHECKPOINT).exists()
    assert [e["event"] for e in read_history(tmp_path)] == ["PictureSkipped"] * 2


def test_an_empty_class_trains_and_the_card_names_it(tmp_path):
    finish(tmp_path, dataset=Squares(((0,), (0,), ())))
    warning = load_pair(tmp_path).card["warning"]
    assert warning == "No picture of the training split shows dog, umbrella: their maps mean nothing."


# Numbers that ran away


@pytest.mark.parametrize(("change", "where", "what"), [
    ({"fc1_rate": 1e38}, "stage 1", "BCE is"),
    ({"stage2_backbone_rate": 1e30}, "stage 2", "BCE is nan and SCE is nan"),
    ({"fc2_rate": 1e38, "stage2_fc1_rate": 0.0, "stage2_backbone_rate": 0.0}, "stage 2", "; SCE is"),
])  # fmt: skip
def test_a_loss_that_ran_away_names_itself_and_the_knobs(tmp_path, change, where, what):
    config = replace(CONFIG, stage1_epochs=2, stage2_epochs=2, batch_size=2, **change)
    with pytest.raises(UserError) as refusal:
        finish(tmp_path, config)
    sentence = str(refusal.value)
    assert f"no longer finite in {where}" in sentence
    assert what in sentence
    knobs = ("backbone_rate", "fc1_rate", "momentum (now 0.9)") + (
        ("λ (now 1)", "fc2_rate") if where == "stage 2" else ()
    )
    assert all(knob in sentence for knob in knobs)
    assert not (tmp_path / RUN_MODEL).exists()
    if where == "stage 2":
        assert "is kept in" in sentence
        state = torch.load(tmp_path / CHECKPOINT, weights_only=True)
        assert all(torch.isfinite(v).all() for net in ("cam", "recam") for v in state[net].values())


def test_precision_is_a_knob_where_it_is_not_float32(tmp_path):
    with pytest.raises(UserError, match="or use --precision float32"):
        finish(tmp_path, replace(CONFIG, precision="bf16", fc1_rate=1e38, stage1_epochs=3))


# Scores and watched pictures


@pytest.mark.slow
def test_scores_and_maps_come_with_every_epoch_and_change_no_number(tmp_path):
    plain = ["--recipe", "scenes", "--split", "samples", "--stage1-epochs", "1", "--stage2-epochs", "1"]
    more = ["--validation", "samples", "--validation-pictures", "4", "--watch", "samples-0003", "--watch", "coffee"]
    assert main(["train", *plain, "--out", str(tmp_path / "plain")]) == 0
    assert main(["train", *plain, *more, "--out", str(tmp_path / "more")]) == 0
    assert equal(tmp_path / "plain", tmp_path / "more")
    events = read_history(tmp_path / "more")
    assert [(e["stage"], e["epoch"], e["file"]) for e in events if e["event"] == MapsKept.__name__] == [
        (1, -1, "maps/stage1-epoch000.npz"), (1, 0, "maps/stage1-epoch001.npz"),
        (2, -1, "maps/stage2-epoch000.npz"), (2, 0, "maps/stage2-epoch001.npz"),
    ]  # fmt: skip
    scores = [e for e in events if e["event"] == Validated.__name__]
    assert [(e["pictures"], list(e["miou"])) for e in scores] == [(4, ["cam"]), (4, list(recam_readouts()))]
    assert [p.name for p in read_watched(tmp_path / "more")] == ["samples-0003", "coffee"]
    before, after = (read_epoch_maps(tmp_path / "more", f"maps/stage1-epoch00{i}.npz") for i in (0, 1))
    assert not np.array_equal(before.maps["cam"][0], after.maps["cam"][0])


# Settings


def test_stage_2_may_have_batches_of_its_own(tmp_path):
    steps = [e for e in finish(tmp_path, replace(CONFIG, stage2_batch_size=2)) if isinstance(e, TrainStep)]
    assert [(e.stage, e.steps) for e in steps] == [(1, 2)] * 2 + [(2, 4)] * 4


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_is_near_float32_and_resumes_to_the_same_numbers(tmp_path, precision):
    config = replace(TWICE, precision=precision)
    finish(tmp_path / "float32", replace(config, precision="float32"))
    finish(tmp_path / "half", config)
    events = train(config, Squares(EIGHT), tmp_path / "again", CPU)
    while not isinstance(next(events), EpochEnd):
        pass
    events.close()
    finish(tmp_path / "again", config, resume=True)
    assert equal(tmp_path / "again", tmp_path / "half")
    one, two = (load_file(tmp_path / name / RUN_MODEL)["recam.head.fc1"] for name in ("float32", "half"))
    assert 0 < (one - two).norm() < 0.05 * one.norm()
    losses = [e["loss_bce"] for e in read_history(tmp_path / "half") if e["event"] == "TrainStep"]
    exact = [e["loss_bce"] for e in read_history(tmp_path / "float32") if e["event"] == "TrainStep"]
    assert losses == pytest.approx(exact, abs=0.02)


@pytest.mark.process
def test_workers_change_no_number(tmp_path):
    finish(tmp_path / "alone")
    finish(tmp_path / "helped", replace(TWICE, workers=1, prefetch=3))
    assert equal(tmp_path / "alone", tmp_path / "helped")


def test_stage_1_may_know_more_classes_than_are_trained(tmp_path):
    finish(tmp_path / "wide")

    class Two(Squares):
        classes = ("umbrella", "cat")

        def labels(self, i):
            return super().labels(i)[[2, 0]]

    finish(tmp_path / "narrow", replace(CONFIG, stage1=str(tmp_path / "wide")), Two(EIGHT))
    wide, narrow = load_pair(tmp_path / "wide"), load_pair(tmp_path / "narrow")
    assert narrow.classes == ("umbrella", "cat")
    assert torch.equal(narrow.cam.head.fc1, wide.cam.head.fc1[[2, 0]])
    state = wide.cam.backbone.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in narrow.cam.backbone.state_dict().items())


def test_fc2_is_trained_on_a_classifier_from_elsewhere_whose_bias_it_keeps(tmp_path):
    torch.manual_seed(3)
    elsewhere = build_pair(
        "elsewhere", "tiny", ("dog", "boat", *Squares.classes[2:], "cat"), {}, ("cam",),
        {"cam": {"bias": True, "activation": "softmax"}},
    )  # fmt: skip
    torch.nn.init.normal_(elsewhere.cam.head.fc1_bias)
    save_pair(elsewhere, tmp_path / "elsewhere.safetensors")
    still = dict.fromkeys(("stage2_backbone_rate", "stage2_fc1_rate", "weight_decay"), 0.0)
    finish(tmp_path / "run", replace(CONFIG, stage1=str(tmp_path / "elsewhere.safetensors"), **still))
    pair = load_pair(tmp_path / "run")
    rows = [3, 0, 2]  # cat, dog, umbrella
    assert torch.equal(pair.cam.head.fc1, elsewhere.cam.head.fc1[rows])
    for head in (pair.cam.head, pair.recam.head):
        assert torch.equal(head.fc1_bias, elsewhere.cam.head.fc1_bias[rows])
    assert pair.cam.head.activation == pair.recam.head.activation == "softmax"  # nobody taught it anything else
    assert pair.readouts == tuple(READOUTS)
    finish(tmp_path / "taught", replace(CONFIG, stage1=str(tmp_path / "elsewhere.safetensors")))
    assert load_pair(tmp_path / "taught").recam.head.activation == "sigmoid"  # stage 2 taught it with BCE


def test_the_resnet_trains_batchnorm_s_scale_and_shift_with_its_stem_frozen_and_statistics_kept():
    model = build_model("resnet50_s16", "recam", 3)
    learned = {id(p) for group in build_optimizer(model, CONFIG, 2).param_groups for p in group["params"]}
    names = {name for name, p in model.named_parameters() if id(p) not in learned}
    assert names == {f"backbone.trunk.{name}" for name in ("conv1.weight", "bn1.weight", "bn1.bias")}
    assert not any(module.training for module in model.modules())

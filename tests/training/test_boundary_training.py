"""Training of boundary branches as a stream of events: what learns, what must not, and every way to stop and go on."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from recam_core.checkpoints.pair_file import RUN_MODEL, load_pair, save_pair
from recam_core.networks.model import build_branches
from recam_core.networks.pair import build_pair
from recam_core.records import (
    BoundaryConfig,
    BoundaryEpoch,
    BoundaryStep,
    Finished,
    MaskStep,
    PictureSkipped,
    UserError,
)
from recam_core.system.history import read_history
from recam_core.training.boundary.train import build_optimizer, train_boundary
from recam_core.training.run_folder import CHECKPOINT, read_run

CPU = torch.device("cpu")


class Halves:
    """Six noisy pictures of 48×64, the right half of most in the colour of a class; the last has none."""

    classes = ("red", "green")

    def __len__(self):
        return 6

    def name(self, i):
        return f"half-{i}"

    def image(self, i):
        picture = np.random.default_rng(i).integers(60, 90, (48, 64, 3), dtype=np.uint8)
        if i < 5:
            picture[:, 32:, i % 2] = 230
        return picture

    def labels(self, i):
        return np.array([i < 5 and i % 2 == k for k in range(2)], np.float32)

    def mask(self, i):
        return None


CONFIG = BoundaryConfig(epochs=3, batch_size=4, crop=48, radius=3, foreground=0.5, background=0.3, rate=0.1)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The file of an untrained pair, and the pair as it is loaded."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("model") / "mine.safetensors"
    save_pair(build_pair("mine", "tiny", Halves.classes, {"training": {"half": True}}), path, torch.float16)
    return path, load_pair(path)


def finish(model, out, config=CONFIG, resume=False, dataset=None):
    return list(train_boundary(model[1], config, dataset or Halves(), out, CPU, resume))


@pytest.fixture(scope="module")
def whole(model, tmp_path_factory):
    """The folder and the events of a run that nobody stopped."""
    out = tmp_path_factory.mktemp("run") / "whole"
    return out, finish(model, out)


def equal(one, two):
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def test_events_come_in_order(whole):
    out, events = whole
    kinds = [MaskStep] * 6 + [BoundaryStep, BoundaryStep, BoundaryEpoch] * 3 + [Finished]
    assert [type(e) for e in events] == kinds
    assert [e.state for e in events[:6]] == ["written"] * 6
    steps = [e for e in events if isinstance(e, BoundaryStep)]
    assert [e.step for e in steps] == [1, 2, 3, 4, 5, 6]
    assert [e.rate for e in steps] == pytest.approx([0.1 * (1 - i / 6) ** 0.9 for i in range(6)])
    assert all(e.displacement == 0 for e in steps)  # this backbone has no such branch
    assert events[-1].where == str(out / RUN_MODEL)
    assert all(str(e) for e in events)


def test_an_epoch_reports_the_mean_over_its_steps(whole):
    for end in (e for e in whole[1] if isinstance(e, BoundaryEpoch)):
        steps = [e for e in whole[1] if isinstance(e, BoundaryStep) and e.epoch == end.epoch]
        assert end.positive == pytest.approx(np.mean([e.positive for e in steps]))
        assert end.negative == pytest.approx(np.mean([e.negative for e in steps]))


def test_the_networks_stay_and_the_branches_move(model, whole):
    before, after = load_pair(model[0]), load_pair(whole[0])
    assert equal(before.cam.state_dict(), after.cam.state_dict())
    assert equal(before.recam.state_dict(), after.recam.state_dict())
    torch.manual_seed(CONFIG.seed)
    start = build_branches(before.recam).state_dict()
    moved = [name for name, value in after.boundary.state_dict().items() if not torch.equal(value, start[name])]
    assert len(moved) == len(start)
    assert all(p.grad is None for p in model[1].recam.parameters())


def test_the_card_keeps_what_it_had_and_gains_what_made_the_branches(model, tmp_path):
    finish(model, tmp_path, replace(CONFIG, epochs=1, root=str(tmp_path / "data")))
    card = load_pair(tmp_path).card
    assert card["training"] == {"half": True}
    assert card["boundary"]["training"]["radius"] == 3
    assert str(tmp_path) not in str(card)


def test_half_precision_keeps_networks_that_were_stored_so_bit_for_bit(model, tmp_path):
    finish(model, tmp_path, replace(CONFIG, epochs=1, half=True))
    before, after = load_file(model[0]), load_file(tmp_path / RUN_MODEL)
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert {value.dtype for name, value in after.items() if name.startswith("boundary.")} == {torch.float16}


def test_a_run_stopped_after_any_epoch_ends_at_the_same_weights(model, whole, tmp_path):
    for epochs in (1, 2):
        out = tmp_path / str(epochs)
        events = train_boundary(model[1], CONFIG, Halves(), out, CPU)
        ended = 0
        while ended < epochs:
            ended += isinstance(next(events), BoundaryEpoch)
        next(events)  # and a step of the next
        events.close()
        again = finish(model, out, resume=True)
        assert [e.state for e in again if isinstance(e, MaskStep)] == ["kept"] * 6
        assert next(e for e in again if isinstance(e, BoundaryStep)).epoch == epochs
        assert equal(load_file(out / RUN_MODEL), load_file(whole[0] / RUN_MODEL))


def test_resuming_a_finished_run_changes_nothing(model, whole):
    before = (whole[0] / RUN_MODEL).read_bytes()
    assert [type(e) for e in finish(model, whole[0], resume=True)] == [Finished]
    assert (whole[0] / RUN_MODEL).read_bytes() == before


def test_seeds_are_found_again_only_if_nothing_they_depend_on_changed(model, whole, tmp_path):
    out = tmp_path / "run"
    shutil.copytree(whole[0], out)
    (out / CHECKPOINT).unlink()
    for change, state in (({"rate": 0.2}, "kept"), ({"foreground": 0.6}, "written"), ({"readout": "cam"}, "written")):
        events = finish(model, out, replace(CONFIG, epochs=1, **change))
        assert {e.state for e in events if isinstance(e, MaskStep)} == {state}, change


def test_changed_settings_another_model_and_nothing_are_refused_on_resume(model, whole, tmp_path):
    with pytest.raises(UserError, match="started with another rate; use its settings"):
        finish(model, whole[0], replace(CONFIG, rate=0.3), resume=True)
    with pytest.raises(UserError, match="another model file than mine"):
        finish((None, replace(model[1], sha256="other")), whole[0], resume=True)
    with pytest.raises(UserError, match="nothing to resume"):
        finish(model, tmp_path, resume=True)


def test_other_classes_are_refused(model, tmp_path):
    dataset = Halves()
    dataset.classes = ("red", "blue")
    with pytest.raises(UserError, match="must be the same, in the same order"):
        finish(model, tmp_path, dataset=dataset)


def test_a_loss_that_is_not_finite_stops_the_run_and_the_checkpoint_stays(model, tmp_path):
    with pytest.raises(UserError, match="no longer finite in epoch 1: lower --rate"):
        finish(model, tmp_path, replace(CONFIG, rate=1e38, momentum=1e30))
    assert not (tmp_path / RUN_MODEL).exists()


def test_rates_belong_to_their_branch():
    with torch.device("meta"):
        branches = build_branches(build_pair("r", "resnet18_s16", ("a", "b")).recam)
    groups = build_optimizer(branches, CONFIG).param_groups
    assert [group["lr"] for group in groups] == [0.1, 1.0]
    named = dict(branches.named_parameters())
    for group, prefix in zip(groups, ("fc_edge", "fc_dp"), strict=True):
        assert {id(p) for p in group["params"]} == {id(p) for name, p in named.items() if name.startswith(prefix)}


def test_a_resnet_learns_displacements_and_their_mean(tmp_path):
    torch.manual_seed(0)
    pair = build_pair("deep", "resnet18_s16", Halves.classes)
    config = replace(CONFIG, epochs=1, batch_size=6, rate=0.01, displacement_rate=0.01)
    events = list(train_boundary(pair, config, Halves(), tmp_path, CPU))
    assert next(e for e in events if isinstance(e, BoundaryStep)).displacement > 0
    after = load_pair(tmp_path)
    moves = []
    with torch.inference_mode():
        for i in range(6):
            stages = after.recam.stages(after.recam.preprocess(Halves().image(i)))
            moves.append(after.boundary.displacements(stages).mean(dim=(0, 2, 3)))
    torch.testing.assert_close(torch.stack(moves).mean(dim=0), torch.zeros(2), atol=1e-4, rtol=0)
    assert after.boundary.mean_shift.running_mean.any()


class Damaged(Halves):
    def image(self, i):
        if i in (1, 4):
            raise UserError(f"half-{i} is damaged.")
        return super().image(i)


def untimed(folder):
    return [{k: v for k, v in e.items() if k not in ("time", "seconds", "where")} for e in read_history(folder)]


def test_the_folder_tells_what_happened_and_nothing_twice(model, whole, tmp_path):
    out = tmp_path / "stopped"
    events = train_boundary(model[1], CONFIG, Halves(), out, CPU)
    while not isinstance(next(events), BoundaryEpoch):
        pass
    next(events)  # a step that is taken again
    events.close()
    finish(model, out, resume=True)
    assert untimed(out) == untimed(whole[0])
    assert [e["event"] for e in read_history(whole[0])] == [type(e).__name__ for e in whole[1]]
    run = read_run(out)
    assert (run.kind, run.config, run.classes) == ("train-boundary", CONFIG, Halves.classes)


def test_a_run_without_a_checkpoint_starts_anew(model, whole, tmp_path):
    events = train_boundary(model[1], CONFIG, Halves(), tmp_path, CPU)
    next(events)
    events.close()
    again = finish(model, tmp_path, resume=True)
    assert [e.state for e in again if isinstance(e, MaskStep)] == ["kept"] + ["written"] * 5
    assert equal(load_file(tmp_path / RUN_MODEL), load_file(whole[0] / RUN_MODEL))


def test_broken_pictures_are_left_out_and_named_once(model, tmp_path):
    events = finish(model, tmp_path, dataset=Damaged())
    assert [(e.name, e.reason) for e in events if isinstance(e, PictureSkipped)] == [
        ("half-1", "half-1 is damaged."), ("half-4", "half-4 is damaged.")
    ]  # fmt: skip
    assert [e.done for e in events if isinstance(e, MaskStep)] == [1, 3, 4, 6]
    assert sum(isinstance(e, BoundaryStep) for e in events) == 6


class AllDamaged(Halves):
    def image(self, i):
        raise UserError("damaged")


def test_where_nothing_can_be_read_it_says_so(model, tmp_path):
    with pytest.raises(UserError, match="None of the 6 pictures of scenes train could be read, for example half-0"):
        finish(model, tmp_path, dataset=AllDamaged())
    assert not (tmp_path / CHECKPOINT).exists()

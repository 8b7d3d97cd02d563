"""Both heads again on kept features: the arithmetic of padded batches, what may change and what may not, every λ by itself."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from banks import CLASSES, bank_of, labelled

from recam_core.cam.pipeline import gather_evidence
from recam_core.networks.losses import recam_loss
from recam_core.networks.pair import build_pair
from recam_core.records import HeatmapOptions, Refit, RefitConfig, RefitStep, UserError
from recam_core.training.refit.look import refit_evidence, start_look
from recam_core.training.refit.refit import Learner, apply_block, refit_heads, scaled

QUICK = RefitConfig(steps=4, batch_size=2)


@pytest.fixture(scope="module")
def pair():
    torch.manual_seed(1)
    return build_pair("p", "tiny", CLASSES)


@pytest.fixture(scope="module")
def bank(pair):
    return bank_of(pair, labelled(["cat"], ["cat", "tree"], ["dog", "tree"]))


def fitted(pair, bank, config):
    *steps, result = refit_heads(pair, bank, config)
    assert [step.step for step in steps] == list(range(1, config.steps + 1))
    assert all(isinstance(step, RefitStep) for step in steps)
    assert isinstance(result, Refit)
    return result


@pytest.mark.parametrize("objective", ["both", "shared", "sce"])
def test_a_padded_batch_has_the_mean_loss_of_its_pictures_alone(pair, bank, objective):
    torch.manual_seed(0)
    fc1, fc2 = torch.randn(3, 128) / 8, torch.randn(3, 128) / 8
    whole = recam_loss(scaled(bank.features, bank.grids), bank.labels, fc1, fc2, 0.7, objective=objective)
    alone = [
        recam_loss(bank.features[[i], :, :h, :w], bank.labels[[i]], fc1, fc2, 0.7, objective=objective)
        for i, (h, w) in enumerate(bank.grids)
    ]
    for n in range(3):
        assert whole[n].item() == pytest.approx(np.mean([loss[n].item() for loss in alone]), rel=1e-4)


def test_one_step_is_that_of_the_same_loss_by_hand(pair, bank):
    config = replace(QUICK, steps=1, batch_size=3, recam_weight=0.5)
    result = fitted(pair, bank, config)
    fc1 = pair.cam.head.fc1.detach().clone().requires_grad_(True)
    fc2 = fc1.detach().relu().requires_grad_(True)
    groups = [{"params": [fc1], "lr": config.fc1_rate}, {"params": [fc2], "lr": config.fc2_rate}]
    optimizer = torch.optim.AdamW(groups, weight_decay=config.weight_decay)
    recam_loss(scaled(bank.features, bank.grids), bank.labels, fc1, fc2, 0.5)[0].backward()
    optimizer.step()
    # AdamW's first step is the rate times the gradient's sign, so that a gradient of about 0 may round to either side
    for mine, theirs, gradient in ((result.head["w"], fc1, fc1.grad), (result.head["wprime"], fc2, fc2.grad)):
        sure = (gradient.abs() > 1e-4).numpy()
        assert sure.mean() > 0.3
        np.testing.assert_allclose(mine[sure], theirs.detach().numpy()[sure], atol=1e-5)


def test_every_lambda_is_by_itself_whatever_was_tried_before(pair, bank):
    alone = fitted(pair, bank, replace(QUICK, recam_weight=1.0))
    fitted(pair, bank, replace(QUICK, recam_weight=10.0))
    torch.manual_seed(99)
    again = fitted(pair, bank, replace(QUICK, recam_weight=1.0))
    assert np.array_equal(alone.head["w"], again.head["w"])
    assert np.array_equal(alone.head["wprime"], again.head["wprime"])
    assert np.array_equal(alone.losses, again.losses)


def test_the_pair_is_left_as_it_was(pair, bank):
    before = {name: value.clone() for name, value in pair.cam.state_dict().items()}
    result = fitted(pair, bank, QUICK)
    assert not np.array_equal(result.head["w"], before["head.fc1"].numpy())
    assert all(torch.equal(before[name], value) for name, value in pair.cam.state_dict().items())
    assert all(p.grad is None for p in pair.cam.parameters())
    assert not result.head["w"].flags.writeable


@pytest.mark.parametrize("config", [
    replace(QUICK, recam_weight=0.0), replace(QUICK, objective="shared"), replace(QUICK, objective="sce"),
])  # fmt: skip
def test_without_fc2_in_the_loss_it_stays_where_it_started(pair, bank, config):
    result = fitted(pair, bank, config)
    assert np.array_equal(result.head["wprime"], pair.cam.head.fc1.detach().relu().numpy())
    assert not np.array_equal(result.head["w"], pair.cam.head.fc1.detach().numpy())
    assert bool(result.losses[:, 1].any()) == (config.recam_weight > 0)


def test_sce_teaches_fc1_through_the_mask_alone(pair, bank):
    control = fitted(pair, bank, replace(QUICK, recam_weight=0.0))
    detached = fitted(pair, bank, replace(QUICK, recam_weight=10.0, mask_gradient=False))
    through = fitted(pair, bank, replace(QUICK, recam_weight=10.0))
    np.testing.assert_allclose(detached.head["w"], control.head["w"], atol=1e-6)
    assert np.abs(through.head["w"] - control.head["w"]).max() > 1e-3
    assert np.abs(detached.head["wprime"] - control.head["wprime"]).max() > 1e-3


def test_a_block_sees_every_picture_alone(pair):
    bank = bank_of(pair, labelled(["cat"], ["cat", "tree"], ["dog"]), last_block=True)
    block = pair.cam.backbone.last_block
    together = apply_block(block, bank.features, list(bank.grids))
    for i, (h, w) in enumerate(bank.grids):
        torch.testing.assert_close(together[[i], :, :h, :w], block(bank.features[[i], :, :h, :w]))
        assert together[i, :, h:].abs().sum() == 0
    same = apply_block(block, bank.features[[0, 2]], [bank.grids[0], bank.grids[2]])
    torch.testing.assert_close(same, together[[0, 2]])


def test_an_unfrozen_block_learns_in_a_copy(pair):
    bank = bank_of(pair, labelled(["cat"], ["cat", "tree"]), last_block=True)
    before = {name: value.clone() for name, value in pair.cam.backbone.last_block.state_dict().items()}
    config = replace(QUICK, last_block=True, steps=2)
    result = fitted(pair, bank, config)
    assert set(result.block) == set(before)
    assert not np.allclose(result.block["conv1.weight"], before["conv1.weight"].numpy())
    assert all(torch.equal(before[name], value) for name, value in pair.cam.backbone.last_block.state_dict().items())
    learned = Learner(pair, config, result)
    assert np.array_equal(learned.block.state_dict()["conv1.weight"].numpy(), result.block["conv1.weight"])


def test_another_kind_of_bank_and_a_loss_that_bursts_get_a_sentence(pair, bank):
    with pytest.raises(UserError, match="gather them again"):
        next(refit_heads(pair, bank, replace(QUICK, last_block=True)))
    burst = replace(QUICK, fc1_rate=1e37, fc2_rate=1e37)
    with pytest.raises(UserError, match="no longer finite at λ = 1, step"):
        list(refit_heads(pair, bank, burst))


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf"), 1e6])
def test_a_lambda_that_is_no_balance_is_refused(value):
    with pytest.raises(UserError, match="balance λ must be a number from 0 to 100"):
        RefitConfig(recam_weight=value)


@pytest.mark.parametrize("changes", [
    {"steps": 0}, {"batch_size": 0}, {"fc1_rate": -1.0}, {"objective": "bce"}, {"fc2_start": "default"}, {"seed": -1},
])  # fmt: skip
def test_other_settings_are_checked_too(changes):
    with pytest.raises(UserError):
        RefitConfig(**changes)


@pytest.mark.parametrize("last_block", [False, True])
@pytest.mark.parametrize("flip", [False, True])
def test_a_picture_is_read_out_as_the_pipeline_does(pair, last_block, flip):
    """Heads that are stage 1's own give stage 1's maps under every λ, and CAM never moves."""
    picture = labelled(["cat"]).image(0)
    options = HeatmapOptions(flip=flip)
    look = start_look(picture, pair, options, last_block)
    fc1 = pair.cam.head.fc1.detach().numpy().copy()
    block = {n: v.numpy().copy() for n, v in pair.cam.backbone.last_block.state_dict().items()} if last_block else {}
    config = replace(QUICK, last_block=last_block)
    still = Refit(config, {"w": fc1, "wprime": 2 * fc1}, block, {}, np.zeros((4, 2)), 0.0)
    evidence = refit_evidence(look, pair, still)
    wanted = gather_evidence(picture, pair, options, ("cam",)).scale_maps["cam"][0]
    for name, factor in (("cam", 1), ("w", 1), ("wprime", 2), ("sum", 3)):
        np.testing.assert_allclose(evidence.scale_maps[name][0], factor * wanted, rtol=1e-4, atol=1e-4)
    assert evidence.backbone_passes == 0
    assert evidence.scores.shape == (3,)


def test_results_tell_their_figures(pair, bank):
    result = fitted(pair, bank, QUICK)
    assert "mIoU unknown: no masks" in str(result)
    assert result.to_json()["recam_weight"] == 1.0
    assert result.nbytes == 2 * 3 * 128 * 4
    assert str(RefitStep(2, 4, 0.5, 1.25)) == "step 2/4  BCE 0.5000  SCE 1.2500"

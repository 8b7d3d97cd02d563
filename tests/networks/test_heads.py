"""The contract of every head in the registry, and the four readouts of ReCAM."""

import pytest
import torch

from recam_core.networks.heads import HEADS
from recam_core.networks.heads.recam import ReCamHead
from recam_core.networks.losses import recam_loss
from recam_core.networks.readouts import READOUTS, head_readouts
from recam_core.records import TrainConfig

D, K = 6, 4
READ = [name for name, kind in HEADS.items() if kind.classifiers]  # heads that maps are read out with
FEATURES = torch.rand(2, D, 3, 5, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([[1.0, 0, 1, 0], [0, 1, 0, 0]])


@pytest.mark.parametrize("name", HEADS)
def test_every_head_scores_reads_out_and_teaches(name):
    head = HEADS[name](D, K)
    assert head.scores(FEATURES).shape == (2, K)
    assert tuple(head.weights) == head.classifiers
    for readout in head_readouts(head.network, head.classifiers):
        assert READOUTS[readout].weights(head).shape == (K, D)
    total, bce, sce = head.loss(FEATURES, LABELS)
    assert total.shape == bce.shape == sce.shape == ()
    total.backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in head.parameters())


@pytest.mark.parametrize("name", HEADS)
def test_every_parameter_of_a_head_learns_at_one_rate(name):
    head = HEADS[name](D, K, bias=True)
    learned = [id(p) for parameters in head.groups().values() for p in parameters]
    assert sorted(learned) == sorted(id(p) for p in head.parameters())
    assert {f"{part}_rate" for part in head.groups()} <= TrainConfig.__dataclass_fields__.keys()


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("labelled", [True, False])
def test_what_a_head_calls_idle_has_no_part_in_its_loss(name, labelled):
    head = HEADS[name](D, K)
    head.loss(FEATURES, LABELS if labelled else torch.zeros_like(LABELS))[0].backward()
    still = [id(p) for p in head.parameters() if p.grad is None or not p.grad.any()]
    assert [id(p) for p in head.idle(labelled)] == still


@pytest.mark.parametrize("name", READ)
def test_scores_are_the_mean_of_the_maps_of_w(name):
    head = HEADS[name](D, K)
    maps = torch.einsum("kd,bdhw->bkhw", head.weights["w"], FEATURES)
    torch.testing.assert_close(head.scores(FEATURES), maps.mean(dim=(2, 3)))


def test_recam_readouts_of_known_weights():
    head = ReCamHead(2, 1)
    head.load_state_dict({"fc1": torch.tensor([[2.0, -3.0]]), "fc2": torch.tensor([[5.0, 7.0]])})
    weights = {name: READOUTS[name].weights(head).tolist() for name in ("w", "wprime", "sum", "product")}
    assert weights == {"w": [[2, -3]], "wprime": [[5, 7]], "sum": [[7, 4]], "product": [[10, -21]]}


def test_recam_head_uses_its_lambda():
    head = ReCamHead(D, K, recam_weight=0.25)
    expected = recam_loss(FEATURES, LABELS, head.fc1, head.fc2, 0.25)
    torch.testing.assert_close(head.loss(FEATURES, LABELS), expected)


def test_recam_head_uses_its_objective():
    head = ReCamHead(D, K, recam_weight=0.25, objective="shared")
    expected = recam_loss(FEATURES, LABELS, head.fc1, head.fc2, 0.25, objective="shared")
    torch.testing.assert_close(head.loss(FEATURES, LABELS), expected)


def test_cam_head_has_no_sce():
    total, bce, sce = HEADS["cam"](D, K).loss(FEATURES, LABELS)
    assert total == bce
    assert sce == 0


@pytest.mark.parametrize("name", READ)
def test_a_bias_is_in_the_scores_and_never_in_maps(name):
    head = HEADS[name](D, K, bias=True, activation="softmax")
    assert head.settings == {"bias": True, "activation": "softmax"}
    without = head.scores(FEATURES)
    with torch.no_grad():
        head.fc1_bias += torch.tensor([1.0, -2, 3, 0])
    torch.testing.assert_close(head.scores(FEATURES) - without, torch.tensor([[1.0, -2, 3, 0]] * 2))
    maps = torch.einsum("kd,bdhw->bkhw", head.weights["w"], FEATURES)
    torch.testing.assert_close(without, maps.mean(dim=(2, 3)))


@pytest.mark.parametrize("name", HEADS)
def test_a_head_without_bias_has_the_tensors_that_it_always_had(name):
    head = HEADS[name](D, K)
    assert set(head.state_dict()) == ({"fc1", "fc2"} if name == "recam" else {"fc1"})
    assert head.settings == {"bias": False, "activation": "sigmoid"}


def test_probabilities_of_known_logits():
    logits = torch.tensor([0.0, 0.0, 0.6931472])  # log 1, log 1, log 2
    torch.testing.assert_close(ReCamHead(2, 3).probabilities(logits), torch.tensor([0.5, 0.5, 2 / 3]))
    torch.testing.assert_close(
        ReCamHead(2, 3, activation="softmax").probabilities(logits), torch.tensor([0.25, 0.25, 0.5])
    )


def test_the_loss_of_a_head_with_bias_is_that_of_its_scores():
    head = ReCamHead(D, K, recam_weight=0, bias=True)
    with torch.no_grad():
        head.fc1_bias += 3
    expected = torch.nn.functional.multilabel_soft_margin_loss(head.scores(FEATURES), LABELS)
    torch.testing.assert_close(head.loss(FEATURES, LABELS)[1], expected)

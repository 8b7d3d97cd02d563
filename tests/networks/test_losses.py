"""Training equations against numbers worked out by hand, their plain forms and finite differences."""

import pytest
import torch
import torch.nn.functional as F

from recam_core.networks.losses import (
    activation_maps,
    class_features,
    class_masks,
    class_scores,
    multilabel_loss,
    present_classes,
    recam_loss,
    softmax_loss,
)

B, K, D = 2, 3, 4
LABELS = torch.tensor([[1.0, 1, 0], [0, 0, 1]])


def problem(labels=LABELS, dtype=torch.float64, seed=0):
    """Features, labels, FC1 and FC2 of a small random batch that ask for gradients."""
    torch.manual_seed(seed)
    shapes = (len(labels), D, 3, 5), (K, D), (K, D)
    features, fc1, fc2 = (torch.randn(shape, dtype=dtype) for shape in shapes)
    return features.requires_grad_(), labels.to(dtype), fc1.requires_grad_(), fc2.requires_grad_()


def plain_sce(features, labels, fc1, fc2):
    """SCE as the paper writes it: masked features B×K×D×h×w, one softmax for each class present."""
    maps = torch.einsum("kd,bdhw->bkhw", fc1, features).relu()
    masks = maps / (maps.amax(dim=(2, 3), keepdim=True) + 1e-5)
    masked = masks[:, :, None] * features[:, None]
    total = features.new_zeros(())
    for i in range(len(labels)):
        present = labels[i].nonzero().flatten().tolist()
        for k in present:
            logits = fc2 @ masked[i, k].mean(dim=(1, 2))
            total = total - logits.log_softmax(dim=0)[k] / len(present)
    return total / len(labels)


def sce(features, labels, fc1, fc2):
    return softmax_loss(class_features(features, class_masks(features, fc1)), labels, fc2)[0]


def test_scores_are_the_mean_of_the_maps():
    features, _, fc1, _ = problem()
    torch.testing.assert_close(class_scores(features, fc1), activation_maps(features, fc1).mean(dim=(2, 3)))


def test_maps_are_one_weighted_sum_per_position():
    features = torch.tensor([[[[1.0, 2.0]], [[10.0, 20.0]]]])  # two channels, two positions
    assert activation_maps(features, torch.tensor([[1.0, 1.0], [3.0, -1.0]])).tolist() == [[[[11, 22]], [[-7, -14]]]]


def test_masks_cut_off_the_negative_and_divide_by_the_maximum():
    masks = class_masks(torch.tensor([[[[-3.0, 1.0, 4.0]]]]), torch.tensor([[1.0], [-1.0]]))
    expected = [[0, 1 / 4.00001, 4 / 4.00001], [3 / 3.00001, 0, 0]]
    torch.testing.assert_close(masks[0, :, 0], torch.tensor(expected))


def test_the_mask_of_a_class_without_evidence_is_zero():
    assert torch.equal(class_masks(-torch.ones(1, 1, 2, 2), torch.ones(1, 1)), torch.zeros(1, 1, 2, 2))


def test_class_features_equal_the_masked_features_pooled():
    features, _, fc1, _ = problem()
    masks = class_masks(features, fc1)
    plain = (masks[:, :, None] * features[:, None]).mean(dim=(3, 4))
    torch.testing.assert_close(class_features(features, masks), plain)


def test_bce_gradient_of_the_worked_example():
    scores = torch.tensor([[4.0, 4.0, -4.0]], requires_grad=True)
    multilabel_loss(scores, torch.tensor([[1.0, 1.0, 0.0]])).backward()
    expected = torch.tensor([[-0.018, -0.018, 0.018]])
    torch.testing.assert_close(3 * scores.grad, expected, atol=5e-4, rtol=0)


def test_sce_gradient_of_the_worked_example():
    pooled = torch.zeros(1, 3, 3)
    pooled[0, 0] = torch.tensor([4.0, 4.0, -4.0])
    pooled.requires_grad_()
    loss, accuracy = softmax_loss(pooled, torch.tensor([[1.0, 0.0, 0.0]]), torch.eye(3))
    loss.backward()
    torch.testing.assert_close(pooled.grad[0, 0], torch.tensor([-0.500084, 0.499916, 0.000168]), atol=2e-6, rtol=0)
    assert accuracy == 1  # a tie goes to the first


def test_bce_is_the_mean_over_classes_and_pictures():
    scores = torch.tensor([[2.0, -1.0], [0.0, 3.0]])
    labels = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    plain = -(labels * scores.sigmoid().log() + (1 - labels) * (-scores).sigmoid().log()).mean()
    torch.testing.assert_close(multilabel_loss(scores, labels), plain)


@pytest.mark.parametrize("labels", [LABELS, torch.tensor([[1.0, 1, 1], [0, 0, 0]]), torch.tensor([[0.0, 1, 0]])])
def test_sce_equals_its_plain_form(labels):
    batch = problem(labels)
    torch.testing.assert_close(sce(*batch), plain_sce(*batch))


@pytest.mark.parametrize("labels", [LABELS, torch.tensor([[1.0, 1, 1], [0, 0, 0]]), torch.tensor([[0.0, 0, 0]])])
def test_asking_for_the_classes_of_each_picture_alone_changes_nothing(labels):
    features, labels, fc1, fc2 = problem(labels)
    present = present_classes(labels)
    pooled = class_features(features, class_masks(features, fc1[present]))
    assert pooled.shape == (len(labels), max(1, int(labels.sum(dim=1).max())), D)
    alone, everything = (
        softmax_loss(pooled, labels, fc2, present),
        softmax_loss(class_features(features, class_masks(features, fc1)), labels, fc2),
    )
    torch.testing.assert_close(alone, everything)


def test_without_fc2_both_losses_ask_one_head():
    features, labels, fc1, fc2 = problem()
    total, bce, loss = recam_loss(features, labels, fc1, fc2, 0.5, objective="shared")
    torch.testing.assert_close(loss, plain_sce(features, labels, fc1, fc1))
    torch.testing.assert_close(total, bce + 0.5 * loss)
    assert torch.autograd.grad(total, fc2, allow_unused=True) == (None,)


@pytest.mark.parametrize("weight", [0, 0.5])
def test_sce_alone_leaves_bce_and_lambda_out(weight):
    features, labels, fc1, fc2 = problem()
    total, bce, loss = recam_loss(features, labels, fc1, fc2, weight, objective="sce")
    assert total is loss
    torch.testing.assert_close(total, plain_sce(features, labels, fc1, fc1))
    torch.testing.assert_close(bce, multilabel_loss(class_scores(features, fc1), labels))


def test_a_picture_without_classes_counts_in_the_batch_but_adds_nothing():
    features, labels, fc1, fc2 = problem()
    alone = sce(features[:1], labels[:1], fc1, fc2)
    labels = torch.stack([labels[0], torch.zeros(K)])
    torch.testing.assert_close(sce(features, labels, fc1, fc2), alone / 2)


def test_a_batch_without_positives_has_sce_zero_and_finite_gradients():
    features, _, fc1, fc2 = problem()
    total, bce, loss = recam_loss(features, torch.zeros(B, K, dtype=torch.float64), fc1, fc2, 1.0)
    total.backward()
    assert loss == 0
    assert total == bce
    assert torch.isfinite(features.grad).all()
    assert torch.isfinite(fc1.grad).all()
    assert fc1.grad.abs().sum() > 0  # BCE still teaches


def test_accuracy_is_the_share_of_present_classes_named_right():
    pooled = torch.eye(3)[None].repeat(2, 1, 1)  # class k looks like channel k
    weight = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 2, 1.0]])  # class 1 is taken for class 2
    assert softmax_loss(pooled, torch.tensor([[1.0, 1, 0], [0, 0, 1]]), weight)[1].item() == pytest.approx(2 / 3)


def test_sce_reaches_fc1_through_the_mask():
    features, labels, fc1, fc2 = problem()
    (gradient,) = torch.autograd.grad(sce(features, labels, fc1, fc2), fc1)
    assert (gradient[:2].abs().sum(dim=1) > 1e-6).all()
    _, _, plain_fc1, _ = batch = problem()
    torch.testing.assert_close(gradient, torch.autograd.grad(plain_sce(*batch), plain_fc1)[0])


def test_gradients_agree_with_finite_differences():
    features, labels, fc1, fc2 = problem()
    features = features.detach()[:, :, :2, :2].requires_grad_()
    assert torch.autograd.gradcheck(lambda f, a, b: recam_loss(f, labels, a, b, 0.7)[0], (features, fc1, fc2), eps=1e-7)


def test_total_is_bce_plus_lambda_times_sce():
    batch = problem()
    total, bce, loss = recam_loss(*batch, 0.25)
    torch.testing.assert_close(bce, multilabel_loss(class_scores(batch[0], batch[2]), batch[1]))
    torch.testing.assert_close(loss, plain_sce(*batch))
    torch.testing.assert_close(total, bce + 0.25 * loss)


def test_without_lambda_sce_is_reported_as_zero_and_fc2_is_not_asked():
    features, labels, fc1, fc2 = problem()
    total, bce, loss = recam_loss(features, labels, fc1, fc2, 0)
    total.backward()
    assert loss == 0
    assert total == bce
    assert fc2.grad is None


def test_one_vector_added_to_every_row_of_fc2_changes_all_maps_but_not_sce():
    features, labels, fc1, fc2 = problem()
    shift = torch.randn(D, dtype=torch.float64)
    torch.testing.assert_close(sce(features, labels, fc1, fc2 + shift), sce(features, labels, fc1, fc2))
    moved = activation_maps(features, fc2 + shift) - activation_maps(features, fc2)
    expected = F.conv2d(features, shift[None, :, None, None]).expand_as(moved)
    torch.testing.assert_close(moved, expected)


def test_a_detached_mask_leaves_the_loss_and_keeps_sce_from_fc1():
    features, labels, fc1, fc2 = problem()
    attached, detached = (recam_loss(features, labels, fc1, fc2, 0.5, mask_gradient=on) for on in (True, False))
    torch.testing.assert_close(attached, detached)
    assert torch.autograd.grad(attached[2], fc1, retain_graph=True)[0].abs().max() > 1e-6
    assert torch.autograd.grad(detached[2], fc1, retain_graph=True, allow_unused=True) == (None,)
    for learner in (features, fc2):  # these it still teaches
        assert torch.autograd.grad(detached[2], learner, retain_graph=True)[0].abs().max() > 1e-6

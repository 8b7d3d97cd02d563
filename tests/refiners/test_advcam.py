"""AdvCAM: numbers computed by hand, no trace left, batches, threads, closing, and settings that make no sense."""

import copy
import dataclasses
import gc
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn

from recam_core.cam.pipeline import gather_evidence
from recam_core.networks.heads import HEADS
from recam_core.networks.model import CamModel
from recam_core.networks.pair import ModelPair, build_pair
from recam_core.networks.readouts import READOUTS
from recam_core.records import AdvCamOptions, HeatmapOptions, UserError
from recam_core.refiners.advcam import climb as module
from recam_core.refiners.advcam.ascent import ascend
from recam_core.refiners.advcam.climb import climb
from recam_core.refiners.advcam.equations import climb_step, grad_cam, held_difference, hold_mask

CLASSES = ("cat", "dog", "tree")
PICTURE = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
FOUR = AdvCamOptions(steps=4)
ONE_VIEW = HeatmapOptions(flip=False)


def new_pair(backbone="tiny", classes=CLASSES):
    torch.manual_seed(0)
    return build_pair("p", backbone, classes)


@pytest.fixture(scope="module")
def pair():
    return new_pair()


class Colours(nn.Module):
    """Features are the picture's own channels where positive, so that everything can be computed by hand."""

    mean, std, channels = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), 3

    def forward(self, x):
        return x.relu()


def by_hand(fc1=((1.0, 0.0, 0.0), (0.0, 2.0, 1.0))):
    """A pair over ``Colours`` with two classes: the first sees red, the second green and blue."""
    models = []
    for name in ("cam", "recam"):
        head = HEADS[name](3, 2)
        state = {"fc1": torch.tensor(fc1)}
        head.load_state_dict(state if name == "cam" else state | {"fc2": 2 * state["fc1"]})
        models.append(CamModel(Colours(), head).eval())
    return ModelPair("hand", ("red", "other"), "", *models)


# Four pixels: red .2 and .8, green .5, blue .5.
PIXELS = np.zeros((2, 2, 3), np.uint8)
PIXELS[0, 0, 0], PIXELS[0, 1, 0], PIXELS[1, 0, 1], PIXELS[1, 1, 2] = 51, 204, 127, 127
HALF = 127 / 255


def test_two_steps_computed_by_hand():
    options = AdvCamOptions(steps=2, xi=0.1)
    first, second = climb(PIXELS, by_hand(), ["red"], options, "cam", ONE_VIEW)
    # y = means of ReLU'd maps; the map is ReLU(A) over the one positive weight of red
    np.testing.assert_allclose(first.score, [(0.2 + 0.8) / 4], atol=1e-6)
    np.testing.assert_allclose(first.others, [(2 * HALF + HALF) / 4], atol=1e-6)
    np.testing.assert_allclose(first.map[0], [[0.2, 0.8], [0, 0]], atol=1e-6)
    np.testing.assert_array_equal(first.hold_mask[0], [[False, True], [False, False]])
    assert first.regulariser == 0
    assert not first.change.any()
    # gradient where positive: red +1/4, green −2/4, blue −1/4; over its maximum ½ , −1, −½; the range is 0 to .8
    np.testing.assert_allclose(second.map[0], [[0.25, 0.8], [0, 0]], atol=1e-6)
    change = np.zeros((2, 2, 3))
    change[0, 0, 0], change[1, 0, 1], change[1, 1, 2] = 0.05, -0.1, -0.05
    np.testing.assert_allclose(second.change[0], 255 * change, atol=0.02)
    np.testing.assert_allclose(second.accumulated[0], [[0.45, 1.6], [0, 0]], atol=1e-6)
    np.testing.assert_allclose(second.regulariser, 0, atol=1e-6)  # held only at the pixel that could not move


def test_the_regulariser_holds_what_the_mask_covers():
    options = AdvCamOptions(steps=3, xi=0.1, tau=0.1, mu=0)
    free = list(climb(PIXELS, by_hand(), ["red"], options, "cam", ONE_VIEW))
    np.testing.assert_allclose([step.regulariser[0] for step in free], [0, 0.05, 0.1], atol=1e-6)
    np.testing.assert_allclose(free[1].objective, free[1].score - free[1].others, atol=1e-6)
    held = list(climb(PIXELS, by_hand(), ["red"], dataclasses.replace(options, mu=7), "cam", ONE_VIEW))
    np.testing.assert_allclose(held[1].objective, held[1].score - held[1].others - 7 * 0.05, atol=1e-6)
    # in the third step 7 · sign outweighs the ¼ of the score: the red pixel goes back
    assert held[2].map[0, 0, 0] < held[1].map[0, 0, 0] < free[2].map[0, 0, 0]


def test_the_plain_rule_is_the_formula_and_has_no_bounds():
    options = AdvCamOptions(steps=2, xi=4.0, step_rule="plain")
    _, second = climb(PIXELS, by_hand(), ["red"], options, "cam", ONE_VIEW)
    np.testing.assert_allclose(second.map[0], [[1.2, 1.8], [0, 0]], atol=1e-6)  # + 4 · ¼
    np.testing.assert_allclose(second.exceeds, [1.8 / 0.8], atol=1e-5)
    x, gradient = torch.rand(2, 2, 3, 4, 5), torch.rand(2, 2, 3, 4, 5)
    assert torch.equal(climb_step(x, gradient, 0.5, "plain"), x + 0.5 * gradient)


def test_maximum_and_range_belong_to_one_climb_with_all_its_views():
    x, gradient = torch.rand(2, 2, 3, 4, 5), torch.randn(2, 2, 3, 4, 5)
    gradient[1] *= 100
    together = climb_step(x, gradient, 0.1, "maximum")
    for i in range(2):
        assert torch.equal(together[i : i + 1], climb_step(x[i : i + 1], gradient[i : i + 1], 0.1, "maximum"))
        assert together[i].max() <= x[i].max()
        assert together[i].min() >= x[i].min()


def test_normalised_regulariser_compares_shapes_only():
    maps, first = torch.tensor([[[2.0, 4.0]]]), torch.tensor([[[1.0, 2.0]]])
    held = torch.ones_like(maps, dtype=torch.bool)
    np.testing.assert_allclose(held_difference(maps, first, held, "raw"), [3.0])
    np.testing.assert_allclose(held_difference(maps, first, held, "normalised"), [0], atol=1e-5)
    assert held_difference(maps, first, ~held, "raw") == 0


def test_the_mask_is_strict_and_empty_where_there_is_nothing():
    maps = torch.tensor([[[0.5, 1.0]], [[0.0, 0.0]]])
    assert hold_mask(maps, 0.5).tolist() == [[[False, True]], [[False, False]]]


@pytest.mark.parametrize("readout", READOUTS)
def test_the_map_is_read_with_the_readouts_weights_and_y_with_fc1_of_its_network(pair, readout):
    (step,) = climb(PICTURE, pair, ["dog"], AdvCamOptions(steps=1), readout)
    model = pair.network(readout)
    with torch.no_grad():
        x = model.preprocess(PICTURE)
        features = model.features(torch.cat([x, x.flip(-1)]))
        weight = model.class_weights(readout)
        maps = torch.einsum("d,bdhw->bhw", weight[1], features)
        y = torch.einsum("kd,bdhw->bkhw", model.head.fc1, features).relu().mean((2, 3)).sum(0)
        expected = grad_cam(maps[None], weight[1:2])[0]
    np.testing.assert_allclose(step.map[0], expected[0] + expected[1].flip(-1), atol=1e-5)
    np.testing.assert_allclose(step.score, [y[1]], atol=1e-5)
    np.testing.assert_allclose(step.others, [y[0] + y[2]], atol=1e-5)


@pytest.mark.parametrize("backbone", ["tiny", "resnet18_s16"])
def test_the_objective_rises_and_the_first_map_is_the_ordinary_one(backbone):
    pair = new_pair(backbone)
    options = AdvCamOptions(steps=6, xi=0.02, mu=0)
    steps = list(climb(PICTURE, pair, ["cat", "tree"], options, "w"))
    assert [step.t for step in steps] == list(range(6))
    assert (steps[-1].objective > steps[0].objective).all()
    ordinary = gather_evidence(PICTURE, pair, HeatmapOptions(), ["w"]).scale_maps["w"][0][[0, 2]]
    for map_, expected in zip(steps[0].map, ordinary, strict=True):  # each view has its own share in the scale
        assert np.corrcoef(map_.ravel(), expected.ravel())[0, 1] > 0.95
    np.testing.assert_allclose(steps[-1].accumulated, sum(step.map for step in steps), atol=1e-5)
    np.testing.assert_array_equal(steps[3].first_peak, steps[0].map.max(axis=(1, 2)))


def test_classes_that_climb_together_climb_as_they_would_alone(pair):
    together = list(climb(PICTURE, pair, ["tree", "cat"], FOUR))
    for row, name in enumerate(("tree", "cat")):
        for one, both in zip(climb(PICTURE, pair, [name], FOUR), together, strict=True):
            for key in ("map", "accumulated", "change", "score", "others", "regulariser", "objective"):
                np.testing.assert_allclose(getattr(one, key)[0], getattr(both, key)[row], atol=2e-3, err_msg=key)


def test_a_smaller_batch_gives_the_same_numbers(pair):
    x = pair.cam.preprocess(PICTURE)
    for a, b in zip(*(ascend(pair.cam, x, [0, 1, 2], "cam", FOUR, batch=n) for n in (2, 3)), strict=True):
        np.testing.assert_allclose(a.map, b.map, atol=1e-5)
        np.testing.assert_allclose(a.objective, b.objective, atol=1e-4)


class Counting(nn.Module):
    def __init__(self, inner, log):
        super().__init__()
        self.inner, self.log = inner, log
        self.mean, self.std, self.channels = inner.mean, inner.std, inner.channels

    def __deepcopy__(self, memo):
        return Counting(copy.deepcopy(self.inner, memo), self.log)

    def forward(self, x):
        self.log.append(("forward", len(x)))
        if x.requires_grad:
            x.register_hook(lambda gradient: self.log.append(("backward", len(gradient))))
        return self.inner(x)


def test_one_forward_and_one_backward_pass_a_step_for_all_classes_and_views_and_none_after_the_last():
    pair, log = new_pair(), []
    pair.recam.backbone = Counting(pair.recam.backbone, log)
    list(climb(PICTURE, pair, ["cat", "dog"], AdvCamOptions(steps=3)))
    assert log == [("forward", 4), ("backward", 4)] * 2 + [("forward", 4)]


def trace(pair):
    marks = []
    for model in (pair.cam, pair.recam):
        for m in model.modules():
            marks.append((m.training, len(m._forward_hooks), len(m._forward_pre_hooks), len(m._backward_hooks)))
        marks += [(p.requires_grad, p.grad is None, p.is_inference(), p._version) for p in model.parameters()]
    return marks


@pytest.mark.parametrize("readout", ["cam", "product"])
@pytest.mark.parametrize("backbone", ["tiny", "resnet18_s16"])
def test_a_climb_leaves_no_trace(backbone, readout):
    pair = new_pair(backbone)
    pair.recam.head.fc2.requires_grad_(False)  # whatever it was, it stays
    before, picture = trace(pair), PICTURE.copy()
    weights = copy.deepcopy({**pair.cam.state_dict(), **pair.recam.state_dict()})
    for _ in climb(picture, pair, ["cat"], AdvCamOptions(steps=3), readout):
        assert trace(pair) == before  # not in between either
    after = {**pair.cam.state_dict(), **pair.recam.state_dict()}
    assert all(torch.equal(weights[name], after[name]) for name in weights)
    assert np.array_equal(picture, PICTURE)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_the_consumers_grad_mode_is_its_own(pair, mode):
    plain = [step.objective for step in climb(PICTURE, pair, CLASSES, FOUR)]
    with mode():
        enabled = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
        steps = []
        for step in climb(PICTURE, pair, CLASSES, FOUR):
            assert (torch.is_grad_enabled(), torch.is_inference_mode_enabled()) == enabled
            steps.append(step.objective)
    np.testing.assert_allclose(steps, plain, atol=1e-5)


def test_closing_frees_everything(pair):
    x = pair.cam.preprocess(PICTURE)
    running = ascend(pair.cam, x, [0], "cam", AdvCamOptions(steps=50))
    held = weakref.ref(next(running).gradient)
    running.close()
    del running
    gc.collect()
    assert held() is None
    events = climb(PICTURE, pair, ["cat"], AdvCamOptions(steps=50))
    next(events)
    events.close()
    assert list(events) == []


def test_threads_that_share_a_model_do_not_disturb_one_another(pair):
    pictures = [np.roll(PICTURE, 7 * i, axis=1) for i in range(4)]

    def last(picture):
        return list(climb(picture, pair, ["cat"], FOUR, "product"))[-1].accumulated

    alone = [last(picture) for picture in pictures]
    with ThreadPoolExecutor(4) as pool:
        scores = pool.map(lambda p: gather_evidence(p, pair, HeatmapOptions()).scores, pictures * 3)
        together = list(pool.map(last, pictures))
        assert len(list(scores)) == 12
    for one, two in zip(alone, together, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5)


def test_several_scales_follow_one_another(pair):
    steps = list(climb(PICTURE, pair, ["cat"], AdvCamOptions(steps=7), view=HeatmapOptions((1.0, 0.5))))
    assert [(s.scale_index, s.scale, s.t) for s in steps] == [(0, 1.0, t) for t in range(7)] + [
        (1, 0.5, t) for t in range(5)
    ]
    assert steps[0].change.shape == (1, 48, 64, 3)
    assert steps[7].change.shape == (1, 24, 32, 3)
    assert "T is 5 at this scale" in steps[7].notes[0]


class LittleMemory(nn.Module):
    """A backbone on a device that holds ``pixels`` pixels."""

    def __init__(self, inner, pixels):
        super().__init__()
        self.inner, self.pixels = inner, pixels
        self.mean, self.std, self.channels = inner.mean, inner.std, inner.channels

    def forward(self, x):
        if x.shape[0] * x.shape[2] * x.shape[3] > self.pixels:
            raise torch.OutOfMemoryError
        return self.inner(x)


def with_memory(pixels):
    pair = new_pair()
    pair.recam.backbone = LittleMemory(pair.recam.backbone, pixels)
    return pair


def test_when_memory_runs_out_fewer_classes_climb_at_a_time(pair):
    little = list(climb(PICTURE, with_memory(2 * 48 * 64), ["cat", "dog"], FOUR))
    assert "more than 1 at a time" in little[0].notes[0]
    for a, b in zip(little, climb(PICTURE, pair, ["cat", "dog"], FOUR), strict=True):
        np.testing.assert_allclose(a.map, b.map, atol=1e-5)


def test_when_memory_still_runs_out_a_smaller_scale_is_taken_and_said():
    steps = list(climb(PICTURE, with_memory(2 * 48 * 64 - 1), ["cat"], FOUR))
    assert {step.scale for step in steps} == {0.75}
    assert "smaller scale 0.75" in steps[0].notes[0]
    assert steps[0].change.shape == (1, 36, 48, 3)
    with pytest.raises(UserError, match="even for a small picture"):
        list(climb(PICTURE, with_memory(10), ["cat"], FOUR))


def test_memory_that_runs_out_on_the_way_starts_the_scale_over():
    pair = new_pair()
    events = climb(PICTURE, pair, ["cat"], FOUR)
    limit = LittleMemory(pair.recam.backbone, 10**9)
    pair.recam.backbone = limit
    limit.__class__.__deepcopy__ = lambda self, memo: self  # so that the running copy can be reached
    try:
        steps = [next(events), next(events)]
        limit.pixels = 2 * 36 * 48
        steps += list(events)
    finally:
        del LittleMemory.__deepcopy__
    assert [(step.t, step.scale) for step in steps] == [(0, 1.0), (1, 1.0)] + [(t, 0.75) for t in range(4)]


def test_a_bound_on_a_cpu_keeps_classes_apart(monkeypatch):
    pair, log = new_pair(), []
    pair.recam.backbone = Counting(pair.recam.backbone, log)
    monkeypatch.setattr(module, "BATCH_PIXELS", 2 * 48 * 64)
    list(climb(PICTURE, pair, ["cat", "dog"], AdvCamOptions(steps=1)))
    assert log == [("forward", 2)] * 2


def test_xi_zero_stays_where_it_is_and_says_so(pair):
    steps = list(climb(PICTURE, pair, ["cat"], AdvCamOptions(steps=3, xi=0)))
    assert "stays as it is" in steps[0].notes[0]
    assert not steps[-1].change.any()
    np.testing.assert_allclose(steps[-1].accumulated, 3 * steps[0].map, rtol=1e-5)


def test_one_step_is_the_ordinary_map(pair):
    (step,) = climb(PICTURE, pair, ["cat"], AdvCamOptions(steps=1))
    assert step.steps == 1
    assert np.array_equal(step.map, step.accumulated)


@pytest.mark.parametrize("mu", [1e30, 3e38])  # about the largest that there can be
def test_a_huge_mu_stays_finite_by_the_references_rule(pair, mu):
    steps = list(climb(PICTURE, pair, ["cat"], AdvCamOptions(steps=4, mu=mu)))
    assert all(np.isfinite(step.map).all() for step in steps)


def test_a_run_that_leaves_the_finite_numbers_names_the_knob(pair):
    with pytest.raises(UserError, match=r"at step 2.*Lower ξ \(now 3e\+38\)"):
        list(climb(PICTURE, pair, ["cat"], AdvCamOptions(steps=9, xi=3e38, step_rule="plain")))


def test_a_broken_model_is_not_blamed_on_a_knob():
    pair = new_pair()
    with torch.no_grad():
        pair.recam.head.fc1[1] = float("nan")
    with pytest.raises(UserError, match="its weights are broken"):
        next(climb(PICTURE, pair, ["cat"], FOUR))


def test_a_class_without_evidence_climbs_from_nothing_and_says_so():
    pair = by_hand(fc1=((-1.0, 0.0, 0.0), (0.0, 2.0, 1.0)))
    steps = list(climb(PIXELS, pair, ["red", "other"], FOUR, "cam"))
    assert steps[0].notes == ("red: no positive evidence to start from",)
    assert not steps[0].map[0].any()
    assert not steps[0].hold_mask[0].any()
    assert steps[-1].exceeds[0] == 0
    assert all(np.isfinite(step.objective).all() for step in steps)


def test_a_model_of_one_class_has_no_others():
    steps = list(climb(PICTURE, new_pair(classes=("thing",)), ["thing"], FOUR))
    assert "no others" in steps[0].notes[0]
    assert all(step.others == 0 for step in steps)


@pytest.mark.parametrize("backbone", ["tiny", "resnet18_s16", "efficientnet_lite0"])
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (7, 33)])
def test_pictures_smaller_than_the_stride(backbone, size):
    steps = list(climb(PICTURE[: size[0], : size[1]], new_pair(backbone), ["cat"], AdvCamOptions(steps=2)))
    assert np.isfinite(steps[-1].accumulated).all()
    assert steps[-1].change.shape == (1, *size, 3)


@pytest.mark.parametrize(("arguments", "complaint"), [
    ({"classes": []}, "at least one class"), ({"classes": ["horse"]}, "does not know 'horse'"),
    ({"readout": "nothing"}, "Readouts are cam, w"),
    ({"picture": np.zeros((40, 4000, 3), np.uint8)}, "working size of 512"),
])  # fmt: skip
def test_what_cannot_be_climbed_is_refused_at_once(pair, arguments, complaint):
    given = {"picture": PICTURE, "pair": pair, "classes": ["cat"], "options": FOUR} | arguments
    with pytest.raises(UserError, match=complaint):
        climb(**given)  # without a first step


@pytest.mark.parametrize(("setting", "complaint"), [
    ({"steps": 0}, "T must be 1 to 1000"), ({"steps": 5000}, "T must be"), ({"xi": -1}, "ξ"), ({"xi": float("nan")}, "ξ"),
    ({"mu": float("inf")}, "μ"), ({"tau": 27}, "not the number of steps"), ({"tau": -0.1}, "τ"),
    ({"step_rule": "adam"}, "maximum, plain"), ({"result": "best"}, "accumulated, last"),
    ({"regulariser": "l2"}, "raw, normalised"),
])  # fmt: skip
def test_settings_that_make_no_sense_are_refused(setting, complaint):
    with pytest.raises(UserError, match=complaint):
        AdvCamOptions(**setting)

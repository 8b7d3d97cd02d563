"""Golden part 6: AdvCAM's step, mask, Grad-CAM scale, and whole climbs over scales and classes of 5, 8 and 12 iterations."""

import dataclasses

import numpy as np
import pytest
import torch
from four_convolutions import FourConvolutions

from recam_core.cam.pipeline import gather_evidence, read_out
from recam_core.networks.heads import HEADS
from recam_core.networks.losses import activation_maps
from recam_core.networks.model import CamModel
from recam_core.networks.pair import ModelPair
from recam_core.records import AdvCamOptions, HeatmapOptions
from recam_core.refiners.advcam.ascent import ascend
from recam_core.refiners.advcam.climb import climb
from recam_core.refiners.advcam.equations import climb_step, grad_cam, hold_mask, steps_at
from recam_core.refiners.advcam.result import climbed_evidence

EXACT = {"atol": 1e-6, "rtol": 0}


def near(ours, theirs):
    """Within 1e-4, and within a thousandth of the largest value: some of these are small numbers."""
    np.testing.assert_allclose(ours, theirs, atol=min(1e-4, 1e-3 * max(1e-9, np.abs(theirs).max())), rtol=0)


def tensor(array):
    return torch.from_numpy(np.array(array, np.float32))


def pair_of(v):
    fc1 = tensor(v["classifier_weight"]).flatten(1)
    backbone = FourConvolutions(v)
    cam, recam = (HEADS[name](fc1.shape[1], fc1.shape[0]) for name in ("cam", "recam"))
    cam.load_state_dict({"fc1": fc1})
    recam.load_state_dict({"fc1": fc1, "fc2": fc1})
    classes = tuple(f"class {k}" for k in range(len(fc1)))
    return ModelPair("golden", classes, "", CamModel(backbone, cam).eval(), CamModel(backbone, recam).eval())


@pytest.fixture(scope="module")
def trace(golden):
    return golden("advcam_trace_iter5")


@pytest.fixture(scope="module")
def options(trace):
    return AdvCamOptions(
        steps=int(trace["adv_iter"]),
        xi=float(trace["stepsize"]),
        mu=float(trace["ad_coeff"]),
        tau=float(trace["score_th"]),
    )


def test_the_defaults_are_those_of_the_reference(options):
    assert dataclasses.replace(options, steps=27, xi=round(options.xi, 6)) == AdvCamOptions()


@pytest.mark.parametrize(("name", "xi"), [("eps008", 0.08), ("eps1", 1.0), ("zero_grad", 0.08)])
def test_climb(golden, name, xi):
    v = golden("advcam_functions")
    gradient = np.zeros_like(v["grad"]) if name == "zero_grad" else v["grad"]
    climbed = climb_step(tensor(v["image"])[None], tensor(gradient)[None], xi, "maximum")
    np.testing.assert_allclose(climbed[0], v[f"climbed_{name}"], **EXACT)


@pytest.mark.parametrize(("name", "tau"), [("th05", 0.5), ("th03", 0.3)])
def test_mask(golden, name, tau):
    v = golden("advcam_functions")
    held = hold_mask(tensor(v["regions"]), tau).numpy()
    np.testing.assert_array_equal(np.where(held, 1, v["mask_in"]), v[f"mask_out_{name}"])


def test_grad_cam_scale(golden):
    v = golden("advcam_gradcam")
    pair, k = pair_of(v), int(v["class_index"])
    weights = pair.cam.classifier_weights()
    with torch.no_grad():
        features = pair.cam.features(tensor(v["input"]))
    near(features, v["fmaps"])
    maps = activation_maps(features, weights)
    near(maps, v["logit_maps"])
    gradient = weights[k][None, :, None, None] * (maps[:, k : k + 1] > 0)  # no backward pass
    near(gradient, v["grads"])
    ours = grad_cam(maps[None, :, k], weights[k : k + 1])[0]
    near(ours[:, None], v["gcam"])


def test_every_quantity_of_every_step(trace, options):
    for scale in range(len(trace["scales"])):
        check_steps_at(scale, trace, options)


def check_steps_at(scale, trace, options):
    """A climb at one scale, each of its quantities at each step."""
    pair, keys = pair_of(trace), [int(k) for k in trace["keys"]]
    x = pair.cam.preprocess(trace["image_u8"], float(trace["scales"][scale]))[0]
    near(x, trace[f"input_scale{scale}"])
    one_more = dataclasses.replace(options, steps=options.steps + 1)  # so that the last perturbed pair is seen as well
    ascent = list(ascend(pair.cam, torch.stack([x, x.flip(-1)]), keys, "cam", one_more))
    for j, k in enumerate(keys):
        total = np.zeros_like(trace[f"regions_s{scale}_c{j}"][0])
        for t in range(options.steps):
            now, then = ascent[t], ascent[t + 1]
            total = total + now.map[j].numpy()

            def close(ours, name, t=t, j=j):
                near(ours, trace[f"{name}_s{scale}_c{j}"][t])

            close(now.map[j], "regions")
            close(total, "accumulated")
            close(now.objective[j], "loss")
            with torch.no_grad():
                evidence = activation_maps(pair.cam.features(now.x[j]), pair.cam.classifier_weights())[:, k]
            np.testing.assert_allclose(evidence.relu().sum(), trace[f"class_score_sum_s{scale}_c{j}"][t], atol=1e-3)
            np.testing.assert_allclose(
                now.score[j] * evidence[0].numel(), trace[f"class_score_sum_s{scale}_c{j}"][t], atol=1e-3
            )
            if f"perturbed_s{scale}_c{j}" in trace:
                close(then.x[j], "perturbed")
            if f"mask_s{scale}_c{j}" in trace:
                np.testing.assert_array_equal(now.hold_mask[j], trace[f"mask_s{scale}_c{j}"][t])
            if f"grad_s{scale}_c{j}" in trace:
                close(now.gradient[j], "grad")


def final_maps(v, trace, options, multiplier=1):
    """Maps of a whole climb over every scale, at a quarter of the size and at full size, and the last step of each scale."""
    pair = pair_of(trace)
    view = HeatmapOptions(scales=tuple(float(s) for s in trace["scales"]))
    names = [pair.classes[k] for k in trace["keys"]]
    steps = list(climb(trace["image_u8"], pair, names, options, "cam", view))
    last = {step.scale_index: step for step in steps}
    before = gather_evidence(trace["image_u8"], pair, view, ["cam"])
    return read_out(climbed_evidence(before, steps), "cam", names), last


def test_final_maps_of_five_iterations(trace, options):
    result, _ = final_maps(trace, trace, options)
    near(result.grid, trace["strided_cam"])
    near(result.maps, trace["high_res"])


@pytest.mark.parametrize("steps", [8, 12])
def test_more_iterations(golden, trace, options, steps):
    v = golden("advcam_more_iterations")
    result, last = final_maps(v, trace, dataclasses.replace(options, steps=steps))
    order = v["scale_processing_order"].tolist()
    assert [last[s].steps for s in order] == v[f"iterations_per_scale_iter{steps}"].tolist()
    for s in range(len(trace["scales"])):
        for j in range(len(trace["keys"])):
            near(last[s].accumulated[j], v[f"region_sum_iter{steps}_s{s}_c{j}"])
    near(result.grid, v[f"strided_cam_iter{steps}"])
    near(result.maps, v[f"high_res_iter{steps}"])


@pytest.mark.parametrize(("steps", "expected"), [(1, 1), (5, 5), (6, 5), (10, 5), (11, 5), (12, 6), (27, 13)])
def test_only_half_the_size_gets_fewer_steps_and_only_beside_others(steps, expected):
    assert steps_at(steps, 0.5, (1.0, 0.5)) == expected
    assert steps_at(steps, 1.0, (1.0, 0.5)) == steps_at(steps, 0.5, (0.5,)) == steps

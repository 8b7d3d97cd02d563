"""What only a graphics card can show; elsewhere each test says that there is none. A CPU's bfloat16 has the same bound."""

import numpy as np
import pytest
import torch

from recam_core.cam.pipeline import gather_evidence, read_out
from recam_core.checkpoints.pair_file import load_pair
from recam_core.datasets.samples import read_sample
from recam_core.networks.readouts import READOUTS
from recam_core.records import HeatmapOptions
from recam_core.system.device import cpu_half, exact

MEAN, FAR = 0.01, 0.05  # of a normalised map: mean difference, and its 99th percentile
needs_card = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device on this machine")


def maps_of(name, sample, device):
    pair = load_pair(name, device).folded()
    with exact():
        evidence = gather_evidence(read_sample(sample)[0].pixels, pair, HeatmapOptions(flip=False, long_side=256))
    best = [evidence.classes[k] for k in np.argsort(-evidence.scores)[:3]]
    return evidence, best


def check_agreement(rough, fine, classes):
    for readout in READOUTS:
        apart = np.abs(read_out(rough, readout, classes).maps - read_out(fine, readout, classes).maps)
        assert apart.mean() <= MEAN
        assert np.quantile(apart, 0.99) <= FAR
    assert np.abs(rough.scores - fine.scores).max() <= FAR


@needs_card
@pytest.mark.parametrize(("name", "sample"), [("photos", "coffee"), ("scenes", "scene-cat-dog-tree")])
def test_a_single_half_precision_pass_on_a_card_agrees_with_float32(name, sample):
    rough, _ = maps_of(name, sample, "cuda")
    fine, classes = maps_of(name, sample, "cpu")
    check_agreement(rough, fine, classes)


@needs_card
def test_a_card_in_float32_without_tf32_agrees_with_the_cpu(monkeypatch):
    monkeypatch.setattr("recam_core.cam.pipeline.autocast", lambda device: torch.autocast("cuda", enabled=False))
    card, _ = maps_of("photos", "coffee", "cuda")
    cpu, classes = maps_of("photos", "coffee", "cpu")
    for readout in READOUTS:
        np.testing.assert_allclose(
            read_out(card, readout, classes).maps, read_out(cpu, readout, classes).maps, atol=1e-3
        )


@needs_card
def test_a_card_that_holds_one_view_only_gives_the_maps_of_both(monkeypatch):
    pair = load_pair("photos", "cuda").folded()
    picture, options = read_sample("coffee")[0].pixels, HeatmapOptions(long_side=256)
    expected = gather_evidence(picture, pair, options)
    forward = pair.recam.backbone.forward

    def small(x):
        if len(x) > 1:
            raise torch.OutOfMemoryError("played")
        return forward(x)

    monkeypatch.setattr(pair.recam.backbone, "forward", small)
    evidence = gather_evidence(picture, pair, options)
    assert evidence.notes == ("Scale 1: the memory of cuda:0 holds one view at a time only.",)
    check_agreement(evidence, expected, list(pair.classes[:3]))


@pytest.mark.parametrize(("name", "sample"), [("photos", "coffee"), ("scenes", "scene-cat-dog-tree")])
def test_the_bfloat16_of_a_cpu_agrees_with_float32_too(monkeypatch, name, sample):
    fine, classes = maps_of(name, sample, "cpu")
    monkeypatch.setenv("RECAM_CPU_BF16", "1")
    if not cpu_half():
        pytest.skip("this processor has no bfloat16 instructions")
    rough, _ = maps_of(name, sample, "cpu")
    check_agreement(rough, fine, classes)


def test_exact_switches_tf32_off_and_puts_back_what_was():
    settings = torch.backends.cudnn, torch.backends.cuda.matmul
    before = [place.allow_tf32 for place in settings]
    with exact():
        assert [place.allow_tf32 for place in settings] == [False, False]
    assert [place.allow_tf32 for place in settings] == before
    with pytest.raises(ZeroDivisionError), exact():
        raise ZeroDivisionError
    assert [place.allow_tf32 for place in settings] == before

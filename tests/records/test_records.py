"""Settings refuse what contradicts itself, values are frozen, events speak."""

import dataclasses

import numpy as np
import pytest

from recam_core.networks.readouts import READOUTS
from recam_core.records import (
    AdvCamOptions,
    BoundaryConfig,
    CamResult,
    DisplayOptions,
    EpochEnd,
    EvalStep,
    Evidence,
    Finished,
    HeatmapOptions,
    Picture,
    RandomWalkOptions,
    RefitConfig,
    TrainConfig,
    TrainStep,
    UserError,
)
from recam_core.training.recipes import RECIPES

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(("settings", "complaint"), [
    ({"scales": ()}, "at least one"), ({"scales": (1.0, 0.1)}, "0.25 to 4"), ({"scales": (NAN,)}, "0.25 to 4"),
    ({"scales": (INF,)}, "0.25 to 4"), ({"scales": (1.0, 1.0)}, "once"), ({"long_side": 31}, "32 to 2048"),
    ({"long_side": 4096}, "32 to 2048"), ({"scales": (4.0,), "long_side": 2048}, "may be 4096 pixels"),
    ({"scales": tuple(1 + i / 100 for i in range(17))}, "At most 16 scales"),
])  # fmt: skip
def test_contradictory_heatmap_options_are_refused(settings, complaint):
    with pytest.raises(UserError, match=complaint):
        HeatmapOptions(**settings)


@pytest.mark.parametrize(("name", "value"), [
    ("stage1_epochs", 0), ("stage2_epochs", 0), ("batch_size", 0), ("crop", 0), ("long_side_min", 0),
    ("backbone_rate", -1.0), ("fc1_rate", NAN), ("stage2_backbone_rate", INF), ("stage2_fc1_rate", -0.1),
    ("fc2_rate", NAN), ("weight_decay", -1e-4), ("recam_weight", -1.0), ("recam_weight", NAN),
    ("optimizer", "adam"), ("fc1_start", "zero"), ("fc2_start", "imagenet"),
    ("momentum", -1.0), ("momentum", NAN), ("power", NAN), ("power", -1.0), ("seed", -1), ("workers", -1),
])  # fmt: skip
def test_contradictory_training_settings_are_refused_by_name(name, value):
    with pytest.raises(UserError, match=f"{name} .*got"):
        TrainConfig(**{name: value})


@pytest.mark.parametrize("settings", [TrainConfig, BoundaryConfig, RefitConfig, AdvCamOptions, RandomWalkOptions])
def test_every_number_of_settings_has_an_upper_bound(settings):
    numbers = [field.name for field in dataclasses.fields(settings) if type(field.default) in (int, float)]
    assert numbers
    for name in numbers:
        kind = type(next(field.default for field in dataclasses.fields(settings) if field.name == name))
        with pytest.raises(UserError, match="got"):
            settings(**{name: 2**63 if kind is int else 1e300})


def test_a_crop_that_takes_the_machine_is_refused():
    with pytest.raises(UserError, match="crop must be at most 2048; got 12000"):
        TrainConfig(crop=12_000)
    with pytest.raises(UserError, match="At most 100 pictures can be watched; got 101"):
        TrainConfig(watch=("a",) * 101)


def test_a_long_side_range_must_not_be_upside_down():
    with pytest.raises(UserError, match=r"long_side_max \(100\) is below long_side_min \(200\)"):
        TrainConfig(long_side_min=200, long_side_max=100)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_a_valid_configuration_for_parts_that_exist(name):
    from recam_core.datasets import DATASETS
    from recam_core.networks.backbones import BACKBONES

    recipe = RECIPES[name]
    assert dataclasses.replace(recipe) == recipe  # runs the checks again
    assert recipe.backbone in BACKBONES
    assert recipe.dataset in DATASETS


@pytest.mark.parametrize("settings", [HeatmapOptions(), TrainConfig()])
def test_settings_are_cache_keys(settings):
    assert hash(settings) == hash(dataclasses.replace(settings))
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(settings, dataclasses.fields(settings)[0].name, None)


@pytest.mark.parametrize("kind", [Picture, Evidence, CamResult])
def test_results_are_frozen_and_compare_by_identity(kind):
    values = [np.zeros(2)] * len([f for f in dataclasses.fields(kind) if f.default is dataclasses.MISSING])
    one, two = kind(*values), kind(*values)
    assert one != two
    assert {one, two} == {two, one}  # hashable although they hold arrays
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.picture = None


def test_every_readout_has_a_label_for_the_screen():
    assert [row.name for row in READOUTS.values()] == list(READOUTS)
    assert [row.label for row in READOUTS.values()][:5] == ["CAM", "w", "w′", "w⊕w′", "w⊗w′"]
    assert len({row.colour for row in READOUTS.values()}) == len(READOUTS)


def test_peaks_are_the_largest_raw_values():
    raw = np.array([[[0, 3], [1, 2]], [[0, 0], [0, 0]]], np.float32)
    assert CamResult(None, ("a", "b"), None, raw, raw, raw, "w").peaks.tolist() == [3, 0]


def test_events_read_as_lines():
    step = TrainStep(1, 0, 3, 10, 0.5, 0.25, 0.01)
    assert str(step) == "stage 1 epoch 1 step 3/10  BCE 0.5000  SCE 0.2500  rate 1.00e-02"
    assert str(EpochEnd(2, 3, 4, 0.5, 0.25, 1.25)) == "stage 2 epoch 4/4 done in 1.2 s  BCE 0.5000  SCE 0.2500"
    assert str(EvalStep(2, 9, "a.jpg")) == "2/9 a.jpg"
    assert str(Finished("here", 1.0, {"pictures": 8})) == "finished in 1.0 s: here  pictures 8"


def test_a_user_error_is_a_value_error():
    assert issubclass(UserError, ValueError)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"threshold": 1.5}, "threshold must be from 0 to 1; got 1.5"),
        ({"threshold": float("nan")}, "threshold must be from 0 to 1"),
        ({"opacity": -0.1}, "opacity must be from 0 to 1"),
        ({"palette": "hot"}, "palette must be one of viridis, inferno, cividis, paper; got 'hot'"),
        ({"scale": "both"}, "scale must be one of each, together; got 'both'"),
    ],
)
def test_nonsense_in_what_is_shown_is_refused(changes, sentence):
    with pytest.raises(UserError, match=sentence):
        DisplayOptions(**changes)

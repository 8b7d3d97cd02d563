"""The plan is well-formed: what was chosen is what the recipes say, and nothing more is compared than was allowed."""

from dataclasses import replace

import pytest

from recam_core.datasets.scenes import SceneOptions
from recam_core.experiments.study import PARTS
from recam_core.experiments.study.plans import (
    GENERATORS,
    PHOTOS_CHOSEN,
    PHOTOS_RECIPES,
    SCENES_BASE,
    SCENES_CHOSEN,
    SCENES_RECIPES,
    SEEDS,
)
from recam_core.training.recipes import RECIPES


def test_the_chosen_recipes_are_those_that_train_uses():
    assert replace(RECIPES["scenes"], **SCENES_BASE | SCENES_RECIPES[SCENES_CHOSEN]) == RECIPES["scenes"]
    assert replace(RECIPES["photos"], **PHOTOS_RECIPES[PHOTOS_CHOSEN]) == RECIPES["photos"]


def test_the_chosen_generator_is_the_default_and_the_others_are_not():
    assert GENERATORS["chosen"] == {"scenes": {}}
    for name, changes in GENERATORS.items():
        same = SceneOptions(**changes["scenes"]) == SceneOptions() and not changes.get("training")
        assert same == (name == "chosen")


def test_photos_are_given_at_most_three_recipes_and_everything_three_seeds():
    assert len(PHOTOS_RECIPES) <= 3
    assert len(set(SEEDS)) == 3


@pytest.mark.parametrize(("recipe", "variants"), [("scenes", SCENES_RECIPES), ("photos", PHOTOS_RECIPES)])
def test_every_variant_is_a_valid_recipe_of_its_own(recipe, variants):
    base = SCENES_BASE if recipe == "scenes" else {}
    made = [replace(RECIPES[recipe], **base | changes) for changes in variants.values()]
    assert len(set(made)) == len(made)


def test_parts_are_named_after_their_data_set():
    assert {part.split("-")[0] for part in PARTS} == {"scenes", "photos", "coco", "voc"}

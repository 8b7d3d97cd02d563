"""The reference's settings number by number, as its code has them, and presets that suit each data set."""

import argparse
from dataclasses import asdict, replace

import pytest

from recam_core.commands import train
from recam_core.datasets import DATASETS
from recam_core.training.recipes import (
    BOUNDARY_RECIPES,
    MOMENTUM_OF_THE_REFERENCE,
    RECIPES,
    default_boundaries,
    presets,
)

SHARED = {
    "backbone": "resnet50_s16",  # output stride 16 without dilation
    "weights": "imagenet",
    "crop": 512,
    "long_side_min": 320,
    "long_side_max": 640,
    "batch_size": 16,
    "stage1_epochs": 5,
    "stage2_epochs": 4,
    "optimizer": "sgd",
    "backbone_rate": 0.1,
    "fc1_rate": 1.0,  # the head learns ten times as fast
    "stage2_backbone_rate": 5e-5,
    "stage2_fc1_rate": 5e-5,
    "fc2_rate": 5e-4,
    "weight_decay": 1e-4,
    "power": 0.9,
    "momentum": 0.9,  # the sane one: see MOMENTUM_OF_THE_REFERENCE
    "mask_gradient": True,
    "objective": "both",
    "fc1_start": "default",
    "fc2_start": "default",
    "accumulate": 1,
}
VOC = SHARED | {"dataset": "voc", "split": "train_aug", "recam_weight": 1.0, "stage2_batch_size": 0}
COCO = SHARED | {"dataset": "coco", "split": "train2017", "recam_weight": 0.1, "stage2_batch_size": 6}


@pytest.mark.parametrize(("name", "facts"), [("reference-voc", VOC), ("reference-coco", COCO)])
def test_the_reference_is_followed_number_by_number(name, facts):
    config = asdict(RECIPES[name])
    assert {key: config[key] for key in facts} == facts
    rest = {k: v for k, v in config.items() if k not in facts}
    assert rest.pop("validation")  # the reference scores by hand
    assert rest == {k: v for k, v in asdict(type(RECIPES[name])()).items() if k in rest}  # nothing else is asked for


def test_batches_of_a_stage():
    assert [RECIPES["reference-coco"].batch_of(stage) for stage in (1, 2)] == [16, 6]
    assert [RECIPES["reference-voc"].batch_of(stage) for stage in (1, 2)] == [16, 16]


def test_the_momentum_of_the_reference_is_its_weight_decay():
    assert RECIPES["reference-voc"].weight_decay == MOMENTUM_OF_THE_REFERENCE == 1e-4


@pytest.mark.parametrize(("dataset", "names"), [
    ("scenes", ["quick look", "scenes"]),
    ("voc", ["quick look", "voc", "reference VOC"]),
    ("coco", ["quick look", "coco", "photos", "reference COCO"]),
    ("folder", ["quick look", "voc", "reference VOC"]),
])  # fmt: skip
def test_presets_suit_their_data_set(dataset, names):
    suited = presets(dataset)
    assert list(suited) == names
    assert {config.dataset for config in suited.values()} == {dataset}


@pytest.mark.parametrize("dataset", DATASETS)
def test_boundary_branches_have_a_recipe_for_every_kind_of_data_set(dataset):
    assert default_boundaries(dataset) in BOUNDARY_RECIPES


def test_a_quick_look_is_small():
    assert presets("scenes")["quick look"].backbone == "tiny"
    for dataset, weight in (("voc", 1.0), ("coco", 0.1), ("folder", 1.0)):
        config = presets(dataset)["quick look"]
        assert (config.backbone, config.crop, config.recam_weight) == ("efficientnet_lite0_relu", 256, weight)
        assert config.stage1_epochs + config.stage2_epochs <= 6


@pytest.mark.parametrize(("flags", "where"), [
    ([], ("scenes", "train", "")),
    (["--dataset", "folder"], ("folder", "", "")),
    (["--dataset", "voc"], ("voc", "train", "")),
    (["--dataset", "coco"], ("coco", "train2017", "")),
    (["--dataset", "voc", "--backbone", "resnet50_s16"], ("voc", "train_aug", "val")),
    (["--recipe", "reference-voc", "--dataset", "coco"], ("coco", "train2017", "val2017")),
    (["--recipe", "reference-voc", "--dataset", "folder", "--split", "mine"], ("folder", "mine", "")),
])  # fmt: skip
def test_the_command_takes_the_split_of_the_data_set_that_was_named(flags, where):
    parser = argparse.ArgumentParser()
    train.add_arguments(parser)
    config = train.chosen_config(parser.parse_args(flags))
    assert (config.dataset, config.split, config.validation) == where


@pytest.mark.parametrize(("flags", "recipe"), [
    (["--dataset", "voc"], "voc"), (["--dataset", "folder"], "voc"), (["--dataset", "coco"], "coco"),
    (["--dataset", "coco", "--backbone", "tiny"], "scratch"),
])  # fmt: skip
def test_without_a_recipe_the_command_takes_that_of_the_data_set(flags, recipe):
    parser = argparse.ArgumentParser()
    train.add_arguments(parser)
    config = train.chosen_config(parser.parse_args(flags))
    assert config == replace(RECIPES[recipe], dataset=config.dataset, split=config.split, backbone=config.backbone)
    assert config.backbone == ("tiny" if recipe == "scratch" else RECIPES[recipe].backbone)


def test_a_stage_1_brings_its_backbone_where_no_recipe_is_named():
    parser = argparse.ArgumentParser()
    train.add_arguments(parser)
    flags = ["--dataset", "coco", "--stage1", "photos"]
    assert train.chosen_config(parser.parse_args(flags)).backbone == "efficientnet_lite0"
    named = train.chosen_config(parser.parse_args([*flags, "--recipe", "coco"]))
    assert named.backbone == RECIPES["coco"].backbone

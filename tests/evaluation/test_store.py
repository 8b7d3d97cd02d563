"""The store of an evaluation: exact at every threshold, gone on with after a stop, and clear about what is wrong with it."""

import json
import tracemalloc
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from plain_sweep import picture as random_picture
from plain_sweep import plain_confusion
from refined import walk_of
from stores import OPTIONS, WHERE, K, Pictures, run, scenes

from recam_core.datasets.scenes import Scenes
from recam_core.evaluation.evaluate import evaluate
from recam_core.evaluation.localisation import boxes_of, joined_objects, localisation, object_counts
from recam_core.evaluation.metrics import THRESHOLDS, figures
from recam_core.evaluation.store import (
    MapMaker,
    Note,
    counts_csv,
    counts_parquet,
    evaluate_into,
    open_store,
    pictures_csv,
    read_notes,
    reading,
    reset_pair,
    same_pictures,
    write_note,
    writing,
)
from recam_core.evaluation.store.layout import SETTINGS, part_name
from recam_core.evaluation.store.map_names import is_baseline, is_map_name, map_label
from recam_core.evaluation.store.maps import baseline_maps
from recam_core.evaluation.store.table import _csv
from recam_core.networks.pair import build_pair
from recam_core.records import AdvCamOptions, EvalStep, HeatmapOptions, UserError
from recam_core.records.stored import Stored
from recam_core.refiners import Refinement
from recam_core.system.launcher import Share


@pytest.fixture(scope="module")
def pair():
    torch.manual_seed(0)
    return replace(build_pair("untrained", "tiny", Scenes.classes), sha256="abc")


def maker(pair, readouts=("cam", "product"), **more):
    return MapMaker(pair, OPTIONS, readouts, **more)


class GivenMaps:
    """Maps that were made elsewhere, of a readout called cam: what evaluating asks of a ``MapMaker``."""

    options, refinement, names = OPTIONS, None, ("cam",)

    def __init__(self, pair, maps):
        self.pair, self.maps = pair, {f"picture {i}": values for i, values in enumerate(maps)}

    def __call__(self, picture, ids, size, name):
        return {"cam": self.maps[name]}


def multi_hot(ids, count=K):
    labels = np.zeros(count, np.float32)
    labels[list(ids)] = 1
    return labels


@pytest.fixture
def ties(pair, tmp_path):
    """Pictures whose maps lie on thresholds and tie between classes, and their store."""
    rng = np.random.default_rng(0)
    rows = [random_picture(rng, ids, steps) for ids, steps in (([0, 2], 20), ([1], 100), ([0, 1, 2], 100), ([], 20))]
    dataset = Pictures([(np.zeros((*mask.shape, 3), np.uint8), multi_hot(ids), mask) for _, ids, mask in rows])
    run(tmp_path / "store", GivenMaps(pair, [maps for maps, _, _ in rows]), dataset)
    return rows, open_store(tmp_path / "store")


def test_every_threshold_and_every_picture_is_exact(ties):
    rows, store = ties
    assert store.finished
    for index, threshold in enumerate(THRESHOLDS):
        areas, whole = store.areas("cam", index), np.zeros((K + 1, K + 1), int)
        for i, row in enumerate(rows):
            expected = plain_confusion([row], threshold, K + 1)
            whole += expected
            assert np.array_equal(areas.hit[i], expected.diagonal())
            assert np.array_equal(areas.truth[i], expected.sum(axis=1))
            assert np.array_equal(areas.predicted[i], expected.sum(axis=0))
        assert np.array_equal(store.confusion("cam", index), whole)
        scores, total, curves = figures(whole), areas.total(), store.curves("cam")
        for key in ("miou", "fp", "fn", "precision", "recall"):
            assert total[key] == pytest.approx(scores[key], nan_ok=True)
        assert [curves.miou[index], curves.fp[index], curves.fn[index]] == pytest.approx(
            [scores[key] for key in ("miou", "fp", "fn")], nan_ok=True
        )
    assert store.curves("cam").best == store.sweep("cam").best()
    some = np.array([True, False, True, False])
    assert np.array_equal(store.confusion("cam", 20, some), plain_confusion([rows[0], rows[2]], THRESHOLDS[20], K + 1))
    assert store.taken("cam", 20, 1, 3).tolist() == [
        plain_confusion([row], THRESHOLDS[20], K + 1)[1, 3] for row in rows
    ]


def test_figures_of_a_picture_are_means_over_its_classes(pair, tmp_path):
    # class 1: 3 true, 2 of them found, 1 wrongly claimed; class 2: 1 true and found; one pixel counts for nothing
    mask = np.array([[1, 1, 1, 0], [2, 0, 0, 255]], np.uint8)
    maps = np.array([[[0.9, 0.9, 0, 0.9], [0, 0, 0, 0.9]], [[0, 0, 0, 0], [0.9, 0, 0, 0]]], np.float32)
    dataset = Pictures([(np.zeros((2, 4, 3), np.uint8), multi_hot([0, 1]), mask)])
    run(tmp_path / "s", GivenMaps(pair, [maps]), dataset)
    areas = open_store(tmp_path / "s").areas("cam", 50)
    figures = areas.pictures()
    assert [figures.iou[0], figures.fp[0], figures.fn[0]] == pytest.approx([(2 / 4 + 1) / 2, (1 / 4) / 2, (1 / 4) / 2])
    assert (figures.size[0], figures.classes[0]) == (pytest.approx(4 / 7), 2)
    assert areas.pictures(1).iou[0] == pytest.approx(2 / 4)
    assert areas.total()["over"][1] == pytest.approx(1 / 3)  # FP / (TP + FP)
    assert areas.total()["class_fp"][1] == pytest.approx(1 / 4)


def test_a_store_says_what_evaluating_says(pair, tmp_path):
    dataset = scenes()
    *steps, end = run(tmp_path / "s", maker(pair), dataset)
    assert steps == [EvalStep(i + 1, 4, f"picture {i}") for i in range(4)]
    assert end == Stored(str(tmp_path / "s"), 4, 4)
    *_, plain = evaluate(pair, dataset, OPTIONS, ("cam", "product"))
    store = open_store(tmp_path / "s")
    for name in ("cam", "product"):
        assert np.array_equal(store.sweep(name).counts, plain.sweeps[name].counts)


def test_before_and_after_the_walk_lie_side_by_side(pair, tmp_path):
    refinement = walk_of(steps=4)
    run(tmp_path / "s", maker(pair, ("w",), refinement=refinement), scenes(2))
    *_, walked = evaluate(pair, scenes(2), OPTIONS, ("w",), refinement=refinement)
    store = open_store(tmp_path / "s")
    assert store.settings.maps == ("w", "w-walk")
    assert np.array_equal(store.sweep("w-walk").counts, walked.sweeps["w"].counts)
    assert not np.array_equal(store.sweep("w-walk").counts, store.sweep("w").counts)


class BoxedPictures(Pictures):
    """The same pictures, of which the boxes of the masks' parts are known and not the masks."""

    def mask(self, i):
        return None

    def has_mask(self, i):
        return False

    def boxes(self, i):
        mask = self.rows[i][2]
        return {int(k) - 1: boxes_of(mask == k).astype(float) for k in np.unique(mask) if 0 < k < 255}


def test_a_data_set_of_boxes_alone_is_scored_by_them(pair, tmp_path):
    dataset, maps = scenes(), maker(pair)
    boxed = BoxedPictures(dataset.rows)
    run(tmp_path / "masks", maps, dataset, localisation=True)
    run(tmp_path / "boxes", maps, boxed, localisation=True)
    masks, boxes = open_store(tmp_path / "masks"), open_store(tmp_path / "boxes")
    for name in maps.names:
        mine, theirs = boxes.localisation(name), masks.localisation(name)
        assert (mine.objects, mine.box_accuracy, mine.thresholds) == (
            theirs.objects,
            theirs.box_accuracy,
            theirs.thresholds,
        )
        assert np.isnan(mine.pxap)
        assert not boxes.sweep(name).counts.any()
    assert (boxes.settings.boxed, masks.settings.boxed) == (True, False)
    assert (boxes.counted.sum(), boxes.notes) == (len(dataset), [])
    with pytest.raises(UserError, match="counted boxes alone"):
        same_pictures([masks, boxes])
    with pytest.raises(UserError, match=r"No picture of this split has a mask.*--localisation"):
        run(tmp_path / "neither", maps, boxed)


def test_objects_are_counted_beside_the_pixels(pair, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "PICTURES", 3)  # two parts
    dataset, maps = scenes(), maker(pair)
    run(tmp_path / "s", maps, dataset, localisation=True)
    store = open_store(tmp_path / "s")
    parts = []
    for i in range(len(dataset)):
        mask, ids = dataset.mask(i), np.flatnonzero(dataset.labels(i)).tolist()
        made = maps(dataset.image(i), ids, mask.shape, "")
        parts.append(object_counts(i, made["product"], ids, mask, THRESHOLDS))
    counted = joined_objects(parts)
    for name, values in vars(counted).items():
        np.testing.assert_array_equal(getattr(store.objects["product"], name), values)
    assert store.localisation("product") == localisation(counted, THRESHOLDS)
    with pytest.raises(UserError, match="another localisation"):
        run(tmp_path / "s", maps, dataset)
    (tmp_path / "s" / "objects-0001.parquet").unlink()
    with pytest.raises(UserError, match=r"objects-0001\.parquet of the evaluation in s is damaged"):
        open_store(tmp_path / "s")


def test_an_evaluation_that_was_stopped_goes_on_and_ends_the_same(pair, tmp_path, monkeypatch):
    dataset = scenes(6)
    run(tmp_path / "straight", maker(pair), dataset)
    monkeypatch.setattr(writing, "PICTURES", 2)
    stream = evaluate_into(tmp_path / "s", maker(pair), dataset, WHERE)
    for _ in range(3):
        next(stream)
    stream.close()  # Ctrl-C ends it in the same way: what was counted is written
    half = open_store(tmp_path / "s")
    assert (half.finished, len(half.entries)) == (False, 3)
    *steps, end = run(tmp_path / "s", maker(pair), dataset)
    assert [step.done for step in steps] == [4, 5, 6]
    assert end.measured == 6
    assert [path.name for path in sorted((tmp_path / "s").glob("counts-*"))] == [part_name(n) for n in range(4)]
    assert run(tmp_path / "s", maker(pair), dataset) == [end]  # nothing is left to do
    straight, resumed = open_store(tmp_path / "straight"), open_store(tmp_path / "s")
    assert resumed.finished
    assert resumed.entries == straight.entries
    for name in straight.cells:
        for column, values in vars(straight.cells[name]).items():
            assert np.array_equal(values, getattr(resumed.cells[name], column)), column


class Interrupts:
    """Cells of a second map at which Ctrl-C falls."""

    def __iter__(self):
        raise KeyboardInterrupt


def test_ctrl_c_within_a_picture_leaves_whole_pictures_only(pair, tmp_path, monkeypatch):
    dataset = scenes(4)
    run(tmp_path / "straight", maker(pair), dataset)
    measure = writing.measure_picture

    def interrupted(maps, dataset, i, *more):
        entry, counts, objects = measure(maps, dataset, i, *more)
        return entry, [counts[0], Interrupts()] if i == 2 else counts, objects

    monkeypatch.setattr(writing, "measure_picture", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "s", maker(pair), dataset)
    half, straight = open_store(tmp_path / "s"), open_store(tmp_path / "straight")
    assert half.entries == straight.entries[:2]
    monkeypatch.setattr(writing, "measure_picture", measure)
    *steps, end = run(tmp_path / "s", maker(pair), dataset)
    assert ([step.done for step in steps], end.measured) == ([3, 4], 4)
    resumed = open_store(tmp_path / "s")
    assert resumed.entries == straight.entries
    for name in straight.cells:
        for column, values in vars(straight.cells[name]).items():
            assert np.array_equal(values, getattr(resumed.cells[name], column)), column


def test_other_settings_are_refused_by_name(pair, tmp_path):
    run(tmp_path / "s", maker(pair), scenes(2))
    for maps, dataset, name in (
        (maker(pair, ("cam",)), scenes(2), "maps"),
        (MapMaker(pair, HeatmapOptions(long_side=96), ("cam", "product")), scenes(2), "options"),
        (maker(replace(pair, sha256="other")), scenes(2), "sha256"),
        (maker(pair), scenes(3), "total, pictures"),
    ):
        with pytest.raises(UserError, match=f"another {name}"):
            run(tmp_path / "s", maps, dataset)
    moved = list(
        evaluate_into(tmp_path / "s", maker(pair), scenes(2), ("scenes", "/elsewhere", "samples"), "path/to/it")
    )
    assert len(moved) == 1  # data and model may lie elsewhere


def test_two_evaluations_into_one_folder_at_once_are_refused(pair, tmp_path):
    stream = evaluate_into(tmp_path / "s", maker(pair), scenes(2), WHERE)
    next(stream)
    with pytest.raises(UserError, match=r"Another evaluation \(process \d+\) is writing into s; wait until it is done"):
        run(tmp_path / "s", maker(pair), scenes(2))
    stream.close()
    assert run(tmp_path / "s", maker(pair), scenes(2))[-1].measured == 2


def test_processes_that_share_an_evaluation_leave_what_one_leaves(pair, tmp_path):
    dataset, one, two = scenes(5), tmp_path / "one", tmp_path / "two"

    def shared(rank, world=2):
        return evaluate_into(two, maker(pair), dataset, WHERE, localisation=True, share=Share(rank, world))

    *_, whole = run(one, maker(pair), dataset, localisation=True)
    first, second = shared(0), shared(1)
    assert next(second) == EvalStep(1, 2, "picture 1")
    assert [step.name for step in first] == ["picture 0", "picture 2", "picture 4"]  # it ends before the other one does
    with pytest.raises(UserError, match="Another evaluation"):
        next(shared(1))
    second.close()
    *steps, end = shared(1)
    assert steps == [EvalStep(1, 1, "picture 3")]
    assert (end.measured, end.total, end.faults) == (whole.measured, whole.total, whole.faults)
    files = [{p.name: p.read_bytes() for p in folder.iterdir() if p.name != ".lock"} for folder in (one, two)]
    assert files[0] == files[1]
    assert [len(list(shared(rank, 3))) for rank in range(3)] == [1, 0, 0]


@pytest.mark.parametrize("refinement", [walk_of(steps=4), Refinement("climb", AdvCamOptions(steps=2))])
def test_refined_maps_are_shared_as_well(refinement, pair, tmp_path):
    maps = maker(pair, ("w",), refinement=refinement)
    run(tmp_path / "one", maps, scenes(3))
    for rank in (1, 0):
        run(tmp_path / "two", maps, scenes(3), share=Share(rank, 2))
    files = [{p.name: p.read_bytes() for p in (tmp_path / n).iterdir() if p.name != ".lock"} for n in ("one", "two")]
    assert files[0] == files[1]


def test_one_process_goes_on_with_what_several_began(pair, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "PICTURES", 2)
    stream = evaluate_into(tmp_path / "s", maker(pair), scenes(5), WHERE, share=Share(1, 2))
    next(stream)
    stream.close()
    *steps, end = run(tmp_path / "s", maker(pair), scenes(5))
    assert [step.name for step in steps] == ["picture 0", "picture 2", "picture 3", "picture 4"]
    assert end.measured == 5
    store, plain = open_store(tmp_path / "s"), run(tmp_path / "plain", maker(pair), scenes(5))
    assert store.finished
    assert store.names == [f"picture {i}" for i in range(5)]
    assert len(plain) == 6
    np.testing.assert_array_equal(store.confusion("cam", 30), open_store(tmp_path / "plain").confusion("cam", 30))


def bad_pictures():
    """One that can be counted, and three that cannot."""
    drawn = Scenes("samples")
    image, labels, mask = drawn.image(0), drawn.labels(0), drawn.mask(0)
    return [
        (image, labels, mask),
        (image, labels, None),
        (image, labels, mask[:100, :120]),
        (image, labels, np.where(mask > 0, K + 3, 0).astype(np.uint8)),
        (image, labels, np.full_like(mask, 255)),
    ]


def test_pictures_that_cannot_be_counted_are_left_out_and_named(pair, tmp_path):
    *steps, end = run(tmp_path / "s", maker(pair), Pictures(bad_pictures()))
    assert len(steps) == 5
    assert (end.measured, end.total) == (2, 5)
    assert end.faults == (
        "picture 1: it has no mask",
        "picture 2: The mask of picture 2 is 120×100 pixels, the picture 160×160; they must have the same size",
        f"picture 3: The mask has the label {K + 3}, the model only {K} classes",
        "picture 4: its mask is ignored everywhere (255), so no pixel counts",
    )
    assert "counted 2 of 5 pictures" in str(end)
    assert "4 left out, for example: picture 1" in str(end)
    store = open_store(tmp_path / "s")
    assert store.counted.tolist() == [True, False, False, False, True]
    assert store.notes == list(end.faults)
    assert np.isnan(store.areas("cam", 20).pictures().iou[1:]).all()


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ([1, 1], "No picture of this split has a mask"),
        ([2, 3], "No picture of this split could be counted: picture 0: The mask of picture 0 is 120×100"),
        ([4], "No mask of this split shows an object"),
    ],
)
def test_a_data_set_without_anything_to_count_is_refused(pair, tmp_path, rows, complaint):
    dataset = Pictures([bad_pictures()[i] for i in rows])
    with pytest.raises(UserError, match=complaint):
        run(tmp_path / "s", maker(pair), dataset)
    with pytest.raises(UserError, match=complaint):
        open_store(tmp_path / "s")


def test_a_data_set_without_one_positive_is_refused(pair, tmp_path):
    image = Scenes("samples").image(0)
    dataset = Pictures([(image, multi_hot([]), np.zeros(image.shape[:2], np.uint8))] * 2)
    with pytest.raises(UserError, match="No mask of this split shows an object of the model's classes"):
        run(tmp_path / "s", maker(pair), dataset)


def test_classes_that_the_model_lacks_are_named(pair, tmp_path):
    dataset = scenes(1)
    dataset.classes = (*Scenes.classes, "zebra")
    with pytest.raises(UserError, match="The model lacks zebra"):
        run(tmp_path / "s", maker(pair), dataset)


@pytest.fixture
def stored(pair, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "PICTURES", 1)
    run(tmp_path / "s", maker(pair, ("cam",)), scenes(3))
    return tmp_path / "s"


def change(folder, **entries):
    path = folder / SETTINGS
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


def change_settings(folder, **entries):
    change(folder, settings=json.loads((folder / SETTINGS).read_text())["settings"] | entries)


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda s: change(s, version=0), "written by an older version of this program"),
        (lambda s: change(s, version=99), "written by another version"),
        (lambda s: change(s, settings={}), "store.json of the evaluation in s is damaged"),
        (lambda s: change_settings(s, maps=[]), "store.json of the evaluation in s is damaged"),
        (lambda s: change_settings(s, total="3"), "store.json of the evaluation in s is damaged"),
        (lambda s: change_settings(s, maps=["cam-crf"]), "counted the maps cam-crf, which this program does not know"),
        (lambda s: (s / SETTINGS).write_text("{"), "store.json of the evaluation in s is damaged"),
        (lambda s: (s / SETTINGS).unlink(), "There is no evaluation in s"),
        (lambda s: (s / part_name(1)).unlink(), "a part is missing before counts-0002.parquet"),
        (lambda s: (s / part_name(2)).unlink(), "should have 3 pictures and has 2"),
        (
            lambda s: (s / part_name(1)).write_bytes((s / part_name(1)).read_bytes()[:300]),
            "counts-0001.parquet .* damaged",
        ),
    ],
)
def test_old_half_written_and_damaged_stores_are_refused(stored, damage, complaint):
    damage(stored)
    with pytest.raises(UserError, match=complaint):
        open_store(stored)


@pytest.mark.parametrize(
    ("column", "value", "complaint"),
    [
        ("picture", 3, "name pictures that it does not have"),  # one more than there are
        ("picture", 2**32 - 1, "name pictures that it does not have"),
        ("map", 1, "name maps that it does not have"),
        ("truth", K + 1, "name truths that it does not have"),
        ("winner", 255, "name winners that it does not have"),
        ("level", len(THRESHOLDS) + 1, "name levels that it does not have"),
    ],
)
def test_counts_of_what_is_not_there_are_refused(stored, column, value, complaint):
    path = stored / part_name(1)
    table = pq.read_table(path)
    number, field = table.column_names.index(column), table.schema.field(column)
    pq.write_table(table.set_column(number, field, pa.array([value] * table.num_rows, field.type)), path)
    with pytest.raises(UserError, match=complaint):
        open_store(stored)


@pytest.mark.parametrize("values", [["a"], [-1], [None], [0.5]])
def test_picture_numbers_of_another_kind_are_refused(stored, values):
    path = stored / part_name(1)
    table = pq.read_table(path)
    changed = table.set_column(0, "picture", pa.array(values * table.num_rows))
    pq.write_table(changed.replace_schema_metadata(table.schema.metadata), path)
    with pytest.raises(UserError, match=r"counts-0001\.parquet .* damaged"):
        open_store(stored)


def test_a_part_that_holds_all_maps_in_one_is_read_as_well(pair, tmp_path):
    run(tmp_path / "s", maker(pair), scenes(3))
    path = tmp_path / "s" / part_name(0)
    now, table = open_store(tmp_path / "s"), pq.read_table(path)
    assert pq.ParquetFile(path).num_row_groups == len(now.settings.maps)
    pq.write_table(table.sort_by([("picture", "ascending"), ("map", "ascending")]), path)  # as older versions did
    old = open_store(tmp_path / "s")
    for name in now.settings.maps:
        np.testing.assert_array_equal(now.areas(name, 30).hit, old.areas(name, 30).hit)
        assert now.sweep(name).counts.sum() == old.sweep(name).counts.sum() > 0
    pq.write_table(table.take(pa.array(range(len(table)))[::-1]), path)
    with pytest.raises(UserError, match=r"counts-0000\.parquet .* damaged"):
        open_store(tmp_path / "s").sweep("cam")


def test_a_map_that_is_asked_for_again_is_read_again_where_memory_is_short(pair, tmp_path, monkeypatch):
    run(tmp_path / "s", maker(pair), scenes(3))
    whole = open_store(tmp_path / "s")
    monkeypatch.setattr(reading, "MOST_BYTES", 1)
    monkeypatch.setattr(reading, "BLOCK", 50)  # less than one picture has
    small = open_store(tmp_path / "s")
    assert whole.cells["cam"] is whole.cells["cam"]
    assert small.cells["cam"] is not small.cells["cam"]
    chosen = np.array([True, False, True])
    for name in whole.settings.maps:
        assert np.array_equal(whole.areas(name, 30).predicted, small.areas(name, 30).predicted)
        assert np.array_equal(whole.confusion(name, 30, chosen), small.confusion(name, 30, chosen))
        assert np.array_equal(whole.sweep(name).counts, small.sweep(name).counts)
        assert np.array_equal(whole.taken(name, 0, 0, 1), small.taken(name, 0, 0, 1))


def test_a_store_without_settings_is_never_written_into(stored, pair):
    (stored / SETTINGS).unlink()
    with pytest.raises(UserError, match="There is no evaluation in s"):
        run(stored, maker(pair, ("cam",)), scenes(3))


def test_a_folder_that_cannot_be_made_is_refused(pair, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be made"):
        run(tmp_path / "file" / "s", maker(pair), scenes(1))


def test_a_store_that_was_stopped_before_its_first_part_says_so(pair, tmp_path):
    stream = evaluate_into(tmp_path / "s", maker(pair), scenes(2), WHERE)
    next(stream)
    with pytest.raises(UserError, match="stopped before its first pictures"):
        open_store(tmp_path / "s")
    stream.close()


def test_memory_does_not_grow_with_the_data_set(pair, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "PICTURES", 4)
    image, labels, mask = scenes(1).rows[0]

    def peak(count):
        tracemalloc.start()
        run(tmp_path / str(count), maker(pair, ("cam",)), Pictures([(image, labels, mask)] * count))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(4)  # what is loaded once
    assert peak(40) < 1.2 * peak(8)


def test_random_weights_are_looked_at_by_the_same_methods(pair, tmp_path):
    methods = ("gradcampp", "lpcam", "layercam@blocks.0")  # random weights have no prototypes
    both = maker(pair, ("w",), methods=methods[::2], reset=reset_pair(pair))
    assert both.names[1:3] == ("gradcampp", "layercam@blocks.0")
    assert both.names[-3:] == ("reset-w", "reset-gradcampp", "reset-layercam@blocks.0")
    alone = maker(pair, (), methods=methods, reset=reset_pair(pair))
    assert [name for name in alone.names if "@" in name or name.endswith("cam")] == [
        "reset-cam",
        "reset-layercam@blocks.0",
    ]
    run(tmp_path / "s", alone, scenes(1))
    assert "reset-gradcampp" in open_store(tmp_path / "s").cells
    assert map_label("reset-layercam@blocks.0") == "LayerCAM (layer blocks.0), random weights"
    assert is_baseline("reset-gradcampp")


def test_baselines_know_nothing_of_the_picture(pair, tmp_path):
    run(tmp_path / "s", maker(pair, ("w",), reset=reset_pair(pair)), scenes(2))
    store = open_store(tmp_path / "s")
    assert store.settings.maps == ("w", "random", "everything", "centre", "reset-w")
    areas = store.areas("everything", 99)
    assert areas.predicted[:, 0].sum() == 0  # no pixel is background
    assert store.areas("centre", 0).predicted[:, 0].sum() == 0
    maps = baseline_maps(2, (40, 60), "a")
    assert np.array_equal(maps["random"], baseline_maps(2, (40, 60), "a")["random"])
    assert not np.array_equal(maps["random"], baseline_maps(2, (40, 60), "b")["random"])
    assert maps["centre"][0, 19:21, 29:31].min() == maps["centre"].max() > 0.99
    only = maker(pair, (), reset=reset_pair(pair))
    assert only.names == ("random", "everything", "centre", "reset-cam", "reset-w")


def test_random_weights_are_the_same_every_time_and_leave_no_trace(pair):
    before = torch.get_rng_state()
    first, second = reset_pair(pair), reset_pair(pair)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first.recam.head.fc1, second.recam.head.fc1)
    assert not torch.equal(first.recam.head.fc1, pair.recam.head.fc1)


def test_the_pointing_game_of_a_data_set_is_a_mean_over_classes(pair, tmp_path):
    hit, miss = np.zeros((1, 60, 60), np.float32), np.zeros((1, 60, 60), np.float32)
    hit[0, 5, 5] = miss[0, 55, 55] = 1
    mask = np.zeros((60, 60), np.uint8)
    mask[:10, :10] = 1
    blank = np.zeros((60, 60, 3), np.uint8)
    other = np.where(mask == 1, 2, 0).astype(np.uint8)
    rows = [(blank, multi_hot([0]), mask)] * 2 + [(blank, multi_hot([1]), other)] + [(blank, multi_hot([2]), mask)]
    run(tmp_path / "s", GivenMaps(pair, [hit, miss, hit, hit]), Pictures(rows))
    store = open_store(tmp_path / "s")
    picture, label, outcome = store.points("cam")
    assert (picture.tolist(), label.tolist(), outcome.tolist()) == ([0, 1, 2], [1, 1, 2], [1, 0, 1])
    assert store.pointing("cam") == pytest.approx((1 / 2 + 1) / 2)


def test_two_stores_share_pictures_by_name(pair, tmp_path):
    run(tmp_path / "a", maker(pair), Pictures(bad_pictures()))
    run(tmp_path / "b", maker(pair, ("w",)), scenes(5))
    first, second = same_pictures([open_store(tmp_path / "b"), open_store(tmp_path / "a")])
    assert first.tolist() == second.tolist() == [0, 4]
    stranger = build_pair("stranger", "tiny", Scenes.classes[::-1])
    dataset = scenes(2)
    dataset.classes = stranger.classes
    run(tmp_path / "c", maker(stranger), dataset)
    with pytest.raises(UserError, match="evaluated with different classes"):
        same_pictures([open_store(tmp_path / "b"), open_store(tmp_path / "c")])


def test_counts_leave_as_tables(ties, tmp_path):
    _, store = ties
    (tmp_path / "t.parquet").write_bytes(counts_parquet(store))
    table = pq.read_table(tmp_path / "t.parquet").to_pydict()
    lines = counts_csv(store).decode().splitlines()
    assert len(lines) - 1 == len(table["pixels"]) == len(store.cells["cam"].pixels)
    assert sum(table["pixels"]) == store.areas("cam", 0).truth.sum()
    assert lines[0] == '"picture","map","true_label","winning_label","thresholds_exceeded","pixels"'
    assert lines[1].startswith('"picture 0","cam","background",')
    rows = pictures_csv(store, 20).decode().splitlines()
    assert len(rows) == 1 + 4
    assert rows[1].startswith('"picture 0","cam","CAM",0.2,')


def test_texts_that_a_spreadsheet_would_run_are_quoted_and_numbers_stay():
    table = pa.table(
        {"a": ["=1+1", "+a", "-a", "@a", "\ta", "a=1", None], "n": [-1, 2, 3, 4, 5, 6, 7], "x": [-0.5] + [1.0] * 6}
    )
    lines = _csv(table).decode().splitlines()
    assert lines[1:] == [
        '"\'=1+1",-1,-0.5', '"\'+a",2,1', '"\'-a",3,1', '"\'@a",4,1', '"\'\ta",5,1', '"a=1",6,1', ",7,1",
    ]  # fmt: skip


def test_names_of_kept_maps():
    assert [map_label(name) for name in ("product", "cam-walk", "reset-w", "random", "everything", "centre")] == [
        "w⊗w′", "CAM after the walk", "w, random weights", "random map", "whole picture", "centre blob",
    ]  # fmt: skip
    assert [is_baseline(name) for name in ("cam", "cam-walk", "reset-cam", "centre")] == [False, False, True, True]
    assert is_map_name("sum-walk")
    assert is_map_name("sum-climb")
    assert not is_map_name("cam-crf")


def test_notes_stay_where_the_operator_forbids_changes(tmp_path, monkeypatch):
    write_note(tmp_path, "a", Note("first"))
    monkeypatch.setenv("RECAM_READ_ONLY", "1")
    with pytest.raises(UserError, match="Notes cannot be changed on this server"):
        write_note(tmp_path, "a", Note("second"))
    assert read_notes(tmp_path) == {"a": Note("first")}

"""What a walk gains: counted once a picture, chosen on other pictures than those scored."""

from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from refined import walk_of

from recam_core.datasets.scenes import Scenes
from recam_core.evaluation.bootstrap import best_row
from recam_core.evaluation.evaluate import measure
from recam_core.evaluation.sweep import count_pixels
from recam_core.experiments.study import walks
from recam_core.experiments.study.folds import Subset
from recam_core.experiments.study.runs import Workplace
from recam_core.experiments.study.walk_counts import VIEW, measure_walks, name_of
from recam_core.experiments.study.walks import best_walk, walk_table
from recam_core.networks.pair import build_pair
from recam_core.networks.readouts import READOUTS
from recam_core.records import EvalStep, RandomWalkOptions

K = len(Scenes.classes)
SHORT = [RandomWalkOptions(beta=beta, steps=t) for beta in (10.0, 2.0) for t in (3, 1)]


@pytest.fixture(scope="module")
def pair():
    torch.manual_seed(0)
    return build_pair("scenes", "tiny", Scenes.classes, {})


@pytest.fixture(scope="module")
def few():
    return Subset(Scenes("samples"), range(3))


def test_counts_are_those_of_walking_with_each_setting_alone(pair, few):
    together = list(measure_walks(pair, few, ["gradient"], SHORT))
    assert all(len(picture) == len(READOUTS) * (1 + len(SHORT)) for picture in together)
    for walk in (None, *SHORT):
        refinement = None if walk is None else walk_of(**asdict(walk))
        for counts, alone in zip(together, measure(pair, few, VIEW, refinement=refinement), strict=True):
            for readout in READOUTS:
                ours, theirs = counts[name_of(readout, "gradient", walk)], alone[readout]
                a, b = (np.zeros((K + 1) ** 2 * 101, int) for _ in range(2))
                a[ours.cells], b[theirs.cells] = ours.pixels, theirs.pixels
                assert np.abs(a - b).sum() <= 20  # of 25600 pixels: sums in another order


def test_one_walk_serves_all_lengths(pair, few, monkeypatch):
    made = []
    walk = walks.measure_walks.__globals__["RandomWalk"]

    def counted(*arguments):
        made.append(arguments[1])
        return walk(*arguments)

    monkeypatch.setitem(walks.measure_walks.__globals__, "RandomWalk", counted)
    list(measure_walks(pair, Subset(few, [0]), ["gradient"], SHORT))
    assert sorted((options.beta, options.steps) for options in made) == [(2.0, 3), (10.0, 3)]


def test_pictures_without_mask_or_class(pair, few, monkeypatch):
    monkeypatch.setattr(few, "mask", lambda i: None if i == 0 else few.dataset.mask(i), raising=False)
    monkeypatch.setattr(few, "labels", lambda i: np.zeros(K, np.float32), raising=False)
    none, *empty = measure_walks(pair, few, ["gradient"], SHORT)
    assert none == {}
    for i, picture in enumerate(empty, 1):
        nothing = count_pixels(np.zeros((0, 160, 160), np.float32), [], few.mask(i), K + 1)
        assert len(picture) == len(READOUTS) * (1 + len(SHORT))
        assert all(np.array_equal(counts.cells, nothing.cells) for counts in picture.values())


def counts_at(value, picture):
    """One picture of 10 × 10, all of class 1, whose map has this value in ``picture`` percent of it and 0 elsewhere."""
    maps = np.zeros((1, 10, 10), np.float32)
    maps.reshape(-1)[:picture] = value
    return count_pixels(maps, [0], np.ones((10, 10), np.uint8), K + 1)


def made(good, bad):
    """Counts of all names, ``good`` percent found by the walk of the first setting, ``bad`` by every other one."""
    names = {name_of(r): 40 for r in READOUTS} | {
        name_of(r, s, w): good if w == SHORT[0] else bad
        for s in ("learned", "gradient")
        for w in SHORT
        for r in READOUTS
    }
    return {name: [counts_at(0.5, share)] * 4 for name, share in names.items()}


def test_settings_are_chosen_elsewhere_and_applied_here(pair, monkeypatch):
    monkeypatch.setattr(walks, "GRID", SHORT)
    monkeypatch.setattr(walks, "REFERENCE", SHORT[1])
    table = walk_table(pair, [(made(90, 50), made(60, 70))], ["learned", "gradient"])
    assert table["pictures"] == 4
    assert table["before"]["w"]["miou"] == pytest.approx(0.2)  # background 0, class 1 0.4
    chosen = table["boundaries"]["learned"]["chosen"]["cam"]
    assert chosen["walks"] == [{"beta": 10.0, "steps": 3}]
    assert chosen["miou"] == pytest.approx(0.3)  # 60 %, though another walk would have 70 % here
    assert chosen["gain"] == {"mean": 0.1, "low": 0.1, "high": 0.1}
    assert chosen["over_gradient"] == {"mean": 0, "low": 0, "high": 0}
    reference = table["boundaries"]["learned"]["reference"]["cam"]
    assert reference["walks"] == [{"beta": 10.0, "steps": 1}]
    assert reference["miou"] == pytest.approx(0.35)
    assert table["boundaries"]["gradient"]["chosen"]["cam"]["over_gradient"] is None


def test_the_cards_walk_is_the_best_of_the_readout_it_is_for(pair, monkeypatch):
    monkeypatch.setattr(walks, "GRID", SHORT)
    monkeypatch.setattr(walks, "boundary_sources", lambda pair: ("learned", "gradient"))
    assert best_walk(made(90, 50), pair) == {
        "radius": 5,
        "beta": 10.0,
        "steps": 3,
        "threshold": 0.0,
        "thresholds": dict.fromkeys(READOUTS, 0.0),
    }
    assert best_walk(made(30, 50), pair)["steps"] == 1


def finish(part):
    events = []
    while True:
        try:
            events.append(next(part))
        except StopIteration as end:
            return events, end.value


@pytest.fixture
def in_small(pair, monkeypatch):
    """Eight scenes stand for the photos, an untrained network for the bundled one."""
    photos = Subset(Scenes("samples"), range(8))
    monkeypatch.setattr(walks, "open_dataset", lambda kind, root, split: photos)
    monkeypatch.setattr(walks, "load_pair", lambda name, device: replace(pair, name=name))
    monkeypatch.setattr(walks, "GRID", SHORT)
    monkeypatch.setattr(walks, "REFERENCE", SHORT[0])


def test_the_part_on_photos_crosses_quarters_and_counts_once(in_small, tmp_path):
    place = Workplace(tmp_path / "new" / "runs", torch.device("cpu"), "coco128")
    events, result = finish(walks.photos_part(place))
    assert [event.done for event in events if isinstance(event, EvalStep)] == list(range(1, 9))
    assert (result["split"], result["chosen_on"], result["pictures"]) == ("train2017", "the other quarters", 8)
    row = result["boundaries"]["gradient"]["chosen"]["w"]
    assert len(row["walks"]) == 4
    again, same = finish(walks.photos_part(place))
    assert again == []
    assert same == result


def test_the_figures_before_the_walk_are_the_best_elsewhere(in_small, tmp_path):
    _, result = finish(walks.scenes_part(Workplace(tmp_path, torch.device("cpu"))))
    counts = {r: [picture[r] for picture in measure(walks.load_pair("scenes", "cpu"), walks.open_dataset("", "", ""), VIEW)]
              for r in READOUTS}  # fmt: skip
    for readout in READOUTS:  # here val and test are the same pictures
        assert result["before"][readout] == best_row(counts[readout], K + 1)

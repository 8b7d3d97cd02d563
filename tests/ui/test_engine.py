import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from recam_core import HeatmapOptions, UserError, gather_evidence, load_pair, read_out
from recam_core.cam.lesson import picture_features
from recam_core.networks.readouts import READOUTS
from recam_core.records import Evidence
from recam_core.system.compute_queue import ComputeQueue
from ui.compare import maps as shown
from ui.compute.engine import EVIDENCE, FEATURES, EvidenceCache, TurnCache, brief_turn, evidence_bytes
from ui.walk.panel import BOUNDARIES


def make_evidence(side=10, classes=2, value=0.0):
    maps = (np.full((classes, side, side), value, np.float32),)
    return Evidence(
        picture=np.zeros((side, side, 3), np.uint8), classes=("a", "b")[:classes], scores=np.zeros(classes),
        scale_maps={"cam": maps, "w": maps}, options=HeatmapOptions(), device="cpu", seconds=0.0, backbone_passes=2)  # fmt: skip


def test_its_size_is_the_picture_and_every_map():
    assert evidence_bytes(make_evidence(10, 2)) == 10 * 10 * 3 + 2 * (2 * 10 * 10 * 4)


def test_what_was_computed_is_kept():
    cache, evidence = EvidenceCache(), make_evidence()
    assert cache.get("key", lambda: evidence) is evidence
    assert cache.get("key", lambda: pytest.fail("computed again")) is evidence


def test_the_longest_unused_makes_room():
    size = evidence_bytes(make_evidence())
    cache = EvidenceCache(max_bytes=2 * size)
    for key in ("old", "older", "old", "new"):
        cache.get(key, make_evidence)
    assert cache.get("old", lambda: pytest.fail("old was dropped"))
    computed = []
    cache.get("older", lambda: computed.append(1) or make_evidence())
    assert computed


def test_evidence_larger_than_the_store_is_given_but_not_kept():
    cache, evidence = EvidenceCache(max_bytes=10), make_evidence()
    assert cache.get("key", lambda: evidence) is evidence
    assert cache.cache.get("key") is None


def test_a_failure_is_not_kept_and_frees_the_turn():
    cache = EvidenceCache()

    def fail():
        raise UserError("no memory")

    with pytest.raises(UserError, match="no memory"):
        cache.get("key", fail)
    assert cache.get("key", make_evidence) is not None


def test_who_asks_the_same_at_the_same_time_shares_one_computation():
    cache, computed, all_here = EvidenceCache(), [], threading.Barrier(8)

    def compute():
        computed.append(1)
        return make_evidence()

    def ask(_):
        all_here.wait(10)
        return cache.get("key", compute)

    with ThreadPoolExecutor(8) as people:
        answers = list(people.map(ask, range(8)))
    assert len(computed) == 1
    assert all(answer is answers[0] for answer in answers)


def test_one_computes_at_a_time_and_the_next_hears_that_somebody_is_before_it():
    cache, started, finish, heard = EvidenceCache(), threading.Event(), threading.Event(), threading.Event()
    ahead, running, overlaps = [], [], []

    def compute(name):
        overlaps.append(list(running))
        running.append(name)
        started.set()
        finish.wait(10)
        running.remove(name)
        return make_evidence()

    def waiting(n):
        ahead.append(n)
        heard.set()

    with ThreadPoolExecutor(2) as people:
        first = people.submit(cache.get, "one", lambda: compute("one"))
        assert started.wait(10)
        second = people.submit(cache.get, "two", lambda: compute("two"), waiting)
        assert heard.wait(10)
        finish.set()
        first.result(10)
        second.result(10)
    assert ahead == [1]
    assert overlaps == [[], []]


def test_too_many_waiting_people_are_turned_away_in_words():
    cache, started, finish = EvidenceCache(), threading.Event(), threading.Event()
    cache.queue = ComputeQueue(limit=0)

    def slow():
        started.set()
        finish.wait(10)
        return make_evidence()

    with ThreadPoolExecutor(1) as people:
        first = people.submit(cache.get, "one", slow)
        assert started.wait(10)
        with pytest.raises(UserError, match="waiting for the model"):
            cache.get("two", make_evidence)
        finish.set()
        first.result(10)


def test_many_threads_get_the_numbers_that_one_gets():
    pair, options = load_pair("scenes"), HeatmapOptions(scales=(1.0, 0.5))
    pictures = [np.random.default_rng(n).integers(0, 255, (64, 96, 3), np.uint8) for n in range(3)]
    alone = [gather_evidence(pixels, pair, options) for pixels in pictures]
    cache = EvidenceCache()

    def ask(n):
        return cache.get(n % 3, lambda: gather_evidence(pictures[n % 3], pair, options))

    with ThreadPoolExecutor(6) as people:
        together = list(people.map(ask, range(12)))
    for n, evidence in enumerate(together):
        np.testing.assert_array_equal(evidence.scores, alone[n % 3].scores)
        for readout, maps in alone[n % 3].scale_maps.items():
            for ours, theirs in zip(evidence.scale_maps[readout], maps, strict=True):
                np.testing.assert_array_equal(ours, theirs)


def test_eight_people_with_pictures_of_their_own_get_what_one_gets_and_never_compute_together():
    pair, options = load_pair("scenes").folded(), HeatmapOptions(scales=(1.0, 0.5))
    pictures = [np.random.default_rng(n).integers(0, 255, (64, 96, 3), np.uint8) for n in range(8)]
    inside, most = [], []

    def look(n):
        inside.append(n)
        most.append(len(inside))
        evidence = gather_evidence(pictures[n], pair, options)
        read = [read_out(evidence, readout, ["cat"]).raw for readout in READOUTS]
        features = picture_features(pictures[n], pair, 64)
        inside.remove(n)
        return evidence, read, features

    def everything(evidence, read, features):
        return [
            evidence.scores,
            *(m for maps in evidence.scale_maps.values() for m in maps),
            *read,
            features.stage1,
            features.stage2,
        ]

    alone = [everything(*look(n)) for n in range(8)]
    queue, all_here = ComputeQueue(), threading.Barrier(8)
    cache, brief = (TurnCache(2**30, lambda made: 1, queue, brief=short) for short in (False, True))

    def ask(n):
        all_here.wait(10)
        return cache.get(n, lambda: everything(*look(n))), brief.get(n, lambda: everything(*look(n)))

    with ThreadPoolExecutor(8) as people:
        together = list(people.map(ask, range(8)))
    for one, both in zip(alone, together, strict=True):
        for answer in both:
            assert all(np.array_equal(a, b) for a, b in zip(one, answer, strict=True))
    assert set(most) == {1}


def test_all_that_computes_for_a_screen_waits_for_the_same_turns():
    places = {BOUNDARIES, EVIDENCE, FEATURES, shown._MAPS}
    assert {id(place.queue) for place in places} == {id(EVIDENCE.queue)}
    heard = threading.Event()
    with ThreadPoolExecutor(1) as other:
        with brief_turn():
            asked = other.submit(EVIDENCE.get, "nobody's", make_evidence, lambda ahead: heard.set())
            assert heard.wait(10)
            assert EVIDENCE.queue.waiting == 1
            assert not asked.done()
        assert asked.result(10) is not None
    assert EVIDENCE.queue.waiting == 0

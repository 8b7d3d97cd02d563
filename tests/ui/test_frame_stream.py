"""Frame streams: frames in order, given away in small answers, made by a thread that ends."""

import threading
import time

import numpy as np
import pytest

import ui.components.player.frame_stream
from recam_core import UserError
from recam_core.system.compute_queue import ComputeQueue
from ui.components.player.frame import Frame, Layer, heat_layer, mask_layer, signed_layer
from ui.components.player.frame_stream import BROKEN, DONE, FAILED, RUNNING, STOPPED, UNSEEN, FrameStream
from ui.components.player.stream_store import stream_store
from ui.compute.packing import unpack

ABOUT = {"title": "a run", "panels": [], "charts": []}


def frame(number, part=0, first=False, size=4):
    layer = Layer(np.full((2, size // 2), number, np.uint8), 1.0, 1.0)
    return Frame(f"step {number}", {"map": layer}, {"y": number}, part=part, first=first)


def make_stream(total=5):
    return FrameStream(ABOUT, b"photo", total)


def run(stream, source, seconds=10):
    stream.start(source, ComputeQueue())
    assert stream.wait(seconds)


def test_frames_come_in_order_and_only_those_that_lack():
    stream = make_stream(3)
    run(stream, lambda: (frame(k) for k in range(3)))
    assert (stream.state, stream.made) == (DONE, 3)
    header, blobs = unpack(stream.packed(describe=True))
    assert [entry["label"] for entry in header["frames"]] == ["step 0", "step 1", "step 2"]
    assert header["about"] == ABOUT
    assert blobs["picture"] == b"photo"
    later, rest = unpack(stream.packed(have=2))
    assert (later["from"], [entry["values"]["y"] for entry in later["frames"]]) == (2, [2.0])
    assert "about" not in later
    assert "picture" not in rest
    assert rest["frames"] == bytes([2] * 4)
    at = later["frames"][0]["layers"]["map"]["at"]
    assert at == 0  # places are those in this answer


def test_who_asks_for_more_than_there_is_gets_everything():
    stream = make_stream()
    stream.add(frame(0))
    assert unpack(stream.packed(have=7))[0]["from"] == 0


def test_a_part_that_is_started_over_makes_its_frames_void():
    stream = make_stream()
    for part, number in ((0, 1), (1, 2), (1, 3)):
        stream.add(frame(number, part, first=number in (1, 2)))
    header = unpack(stream.packed(have=3))[0]
    assert header["frames"] == []
    stream.add(frame(9, 1, first=True))
    again = unpack(stream.packed(have=3, version=header["made"]))[0]
    assert (again["from"], [entry["label"] for entry in again["frames"]]) == (0, ["step 1", "step 9"])


def test_stopping_keeps_what_is_there_and_closes_the_source():
    stream, closed = make_stream(100), []

    def source():
        try:
            for k in range(100):
                if k == 2:
                    stream.stop()
                yield frame(k)
        finally:
            closed.append(True)

    run(stream, source)
    assert (stream.state, stream.made, closed) == (STOPPED, 3, [True])
    assert "3 of 100" in stream.message
    assert not stream.running


def test_a_persons_error_is_said_and_ours_is_not_shown(caplog):
    def fails(error):
        yield frame(0)
        raise error

    first, second = make_stream(), make_stream()
    run(first, lambda: fails(UserError("Lower ξ.")))
    run(second, lambda: fails(ValueError("secret path")))
    assert (first.state, first.message, first.made) == (FAILED, "Lower ξ.", 1)
    assert (second.state, second.message) == (FAILED, BROKEN)
    assert "secret path" in caplog.text


def test_a_run_that_nobody_looks_at_ends_by_itself(monkeypatch):
    monkeypatch.setattr(ui.components.player.frame_stream, "PATIENCE", 0.05)
    before, stream = threading.active_count(), make_stream(10**6)

    def endless():
        number = 0
        while True:
            time.sleep(0.01)
            yield frame(number)
            number += 1

    run(stream, endless)
    assert (stream.state, stream.message) == (STOPPED, UNSEEN)
    time.sleep(0.05)
    assert threading.active_count() == before


def test_every_step_waits_for_its_turn():
    queue, stream = ComputeQueue(), make_stream(2)
    with queue.take():
        stream.start(lambda: (frame(k) for k in range(2)), queue)
        end = time.monotonic() + 5
        while "1 request is before" not in stream.message and time.monotonic() < end:
            time.sleep(0.01)
        header = unpack(stream.packed())[0]
        assert (header["state"], header["frames"]) == (RUNNING, [])
        assert "busy" in header["message"]
    assert stream.wait(5)
    assert (stream.made, stream.message) == (2, "")


def test_what_is_left_follows_from_the_pace():
    stream = make_stream(4)
    assert unpack(stream.packed())[0]["left"] is None
    stream._frames = [frame(0), frame(1)]
    stream._first, stream._last = 10.0, 12.0
    assert unpack(stream.packed())[0]["left"] == 4.0


def test_the_store_throws_out_the_longest_unused_but_nothing_that_runs():
    store, streams = stream_store(max_bytes=30), [make_stream() for _ in range(4)]
    for stream in streams[:3]:
        stream.add(frame(1, size=8))  # 13 bytes each, with the photo
        store.put(stream.id, stream)
    assert all(store.get(stream.id) is stream for stream in streams[:3])  # all of them run
    for stream in streams[:3]:
        stream.state = DONE
    store.get(streams[0].id)
    streams[3].add(frame(1, size=8))
    store.put(streams[3].id, streams[3])
    assert [store.get(stream.id) is not None for stream in streams] == [True, False, False, True]


def test_a_heat_layer_is_stored_to_its_own_maximum():
    layer = heat_layer(np.array([[0.0, 1.0], [2.0, 4.0]]), 2.0)
    assert layer.values.tolist() == [[0, 64], [128, 255]]
    assert layer.peak == 2.0  # twice the end of the colours
    assert heat_layer(np.zeros((2, 2)), 0.0).peak == 0


def test_a_signed_layer_keeps_signs_and_knows_what_sampling_left_out():
    change = np.zeros((300, 400, 3), np.float16)
    change[0, 0] = (50, -50, 0)  # not sampled
    change[2::4, 2::4] = (10, -20, 0)
    layer = signed_layer(change)
    assert layer.values.shape[0] * layer.values.shape[1] <= 12_000
    assert layer.most == 50
    assert layer.peak == pytest.approx(20)
    assert set(np.unique(layer.values)) <= {1, 128, 192}


def test_a_mask_layer_is_empty_where_nothing_is_held():
    assert mask_layer(np.zeros((2, 2), bool)).peak == 0
    assert mask_layer(np.eye(2, dtype=bool)).values.tolist() == [[255, 0], [0, 255]]


def test_a_stream_that_others_fill_says_no_times_and_is_ended():
    stream = FrameStream(ABOUT, b"photo", 3, pause=2.0, timed=False)
    empty = Layer(np.zeros((1, 1), np.uint8), 0.0, 0.0, "comes later")
    stream.add(Frame("one", {"map": empty}, {}))
    stream.add(frame(2))
    header, _ = unpack(stream.packed())
    assert (header["pause"], header["seconds"], header["left"], header["state"]) == (2.0, None, None, RUNNING)
    assert header["frames"][0]["layers"]["map"]["note"] == "comes later"
    assert "note" not in header["frames"][1]["layers"]["map"]
    assert stream.needed
    stream._asked -= ui.components.player.frame_stream.PATIENCE  # nobody looked for so long
    assert not stream.needed
    stream.end()
    assert stream.state == DONE
    assert stream.wait(0)
    left = FrameStream(ABOUT, b"photo", 3)
    left.stop()  # nothing to wait for when the server ends
    assert left.wait(0)

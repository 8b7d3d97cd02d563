"""What a run said, sorted; progress and time left by hand-counted numbers."""

from dataclasses import replace

import numpy as np
import pytest

from recam_core.records import TrainConfig
from ui.train.history import DRAWN, drawn, make_history, progress, smoothed

CONFIG = TrainConfig(stage1_epochs=2, stage2_epochs=1, batch_size=10)


def step(stage, number, of, seconds=0.5, waiting=0.1, **more):
    fields = {"stage": stage, "epoch": 0, "step": number, "steps": of, "loss_bce": 0.5, "loss_sce": 0.1, "rate": 0.1}
    return {"event": "TrainStep", "time": 1.0, **fields, "seconds": seconds, "waiting": waiting, **more}


def scored(stage, epoch, seconds=3.0, **miou):
    plain = {"stage": stage, "epoch": epoch, "pictures": 5, "mean_ap": None, "miou": miou, "thresholds": {}}
    return {"event": "Validated", "time": 1.0, **plain, "seconds": seconds}


def test_steps_by_stage():
    history = make_history([step(1, 1, 4), step(1, 2, 4, seconds=1.5), step(2, 1, 2, waiting=0.4)])
    assert list(history.stages) == [1, 2]
    assert list(history.stages[1].step) == [1, 2]
    assert history.stages[2].total == 2
    assert history.waiting_share == pytest.approx((0.1 + 0.1 + 0.4) / (0.5 + 1.5 + 0.5))
    assert make_history([]).waiting_share == 0
    assert not make_history([]).has_begun


@pytest.mark.parametrize("odd", [
    step(3, 1, 2), step(1, 0, 2), step(1, 3, 2), step(1, 1, 2, loss_bce=float("nan")), step(1, 1, 2, rate="x"),
    step(1, 1, 2, loss_sce=None), {"event": "EpochEnd", "stage": 1}, {"event": "Validated", "stage": 1, "epoch": "1"},
    {"event": "PictureSkipped", "name": 3, "reason": ""}, {"event": "MapsKept", "stage": 5, "epoch": 0, "file": "x"},
])  # fmt: skip
def test_what_makes_no_sense_is_passed_over_and_counted(odd):
    history = make_history([step(1, 1, 2), odd, {"event": "Unheard"}])
    assert history.unread == 1
    assert list(history.stages[1].step) == [1]


def test_the_last_scores_are_cams_of_stage_1_and_the_others_of_stage_2():
    history = make_history(
        [scored(1, 0, cam=0.1), scored(1, 1, cam=0.2), scored(2, 0, sum=0.4, w=0.3), scored(2, 1, w=0.5)]
    )
    assert history.last_miou == {"cam": 0.2, "w": 0.5, "sum": 0.4}
    assert list(history.last_miou) == ["cam", "w", "sum"]


def test_progress_goes_through_both_stages():
    assert progress(make_history([]), CONFIG, 100) == (0.0, "Loading the data set and the network …")
    # 100 pictures in batches of 10: 20 steps, then 10
    history = make_history([step(1, n, 20) for n in range(1, 7)])
    share, words = progress(history, CONFIG, 100)
    assert share == pytest.approx(6 / 30)
    assert words == "stage 1 of 2, step 6 of 20, about 12 s left"  # 24 steps of 0.5 s
    share, words = progress(history, CONFIG, 0)  # where the size is unknown, stage 2's steps follow from stage 1's
    assert words.endswith("about 12 s left")
    half = replace(CONFIG, stage2_batch_size=5)
    assert progress(history, half, 100)[0] == pytest.approx(6 / 40)
    assert progress(history, half, 0)[0] == pytest.approx(6 / 40)
    scores = make_history([*(step(1, n, 20) for n in range(1, 11)), scored(1, 0)])
    assert progress(scores, CONFIG, 100)[1].endswith("about 16 s left")  # 20 steps of 0.5 s, two more scores of 3 s


def test_progress_of_stage_2_alone_and_of_one_that_was_gone_on_with():
    alone = replace(CONFIG, stage1="scenes")
    assert progress(make_history([step(2, n, 10) for n in range(1, 6)]), alone, 100)[0] == pytest.approx(0.5)
    share, words = progress(make_history([step(1, 20, 20), *(step(2, n, 10) for n in (1, 2, 3))]), CONFIG, 100)
    assert share == pytest.approx(23 / 30)
    assert words.startswith("stage 2 of 2, step 3 of 10")


def test_long_lines_are_thinned_and_keep_their_ends():
    assert list(drawn(3)) == [0, 1, 2]
    assert len(drawn(0)) == 0
    chosen = drawn(50_000)
    assert (len(chosen), chosen[0], chosen[-1]) == (DRAWN, 0, 49_999)


def test_the_smoothed_line_is_a_running_mean():
    assert list(smoothed(np.ones(5), 5)) == [1] * 5
    # a stage of 40 steps looks back on 2: weights 1/2, 1/4 … of what was before, divided by their sum
    assert smoothed(np.array([1.0, 3.0]), 40) == pytest.approx([1.0, (0.25 * 1 + 0.5 * 3) / 0.75])

"""A run on the Train page as AppTest runs it: its state, curves and heatmaps; drawing and real jobs are in tests/browser."""

import json
import shutil
from dataclasses import replace

import pytest
from any_page import handed_over, press, query, ran, words
from train_page import charts, labels, open_train
from trained_runs import CONFIG, write_job, write_run

import ui.train.cost
import ui.train.form
import ui.widgets.jobs
from recam_core.__main__ import main
from recam_core.datasets.samples import SCENE_CLASSES
from recam_core.datasets.scenes import SPLITS
from recam_core.networks.readouts import READOUTS
from recam_core.system import jobs
from recam_core.training.run_folder import save_settings
from ui.train import maps, panel, runs


def test_runs_of_jobs_and_of_the_command_line_are_listed_the_newest_first(place):
    write_run(place, "20260101-cli", job=None)
    write_run(place, "20260102-job", title="mine")
    write_job(place / "20260103-other", "evaluate", "an evaluation", "done")
    assert {run.name for run in runs.all_runs()} == {"20260101-cli", "20260102-job"}
    app = open_train(run="20260101-cli")
    assert query(app)["run"] == "20260101-cli"
    assert "Trained in 7 min. On 100 pictures after the last epoch: mAP 60.0 %." in words(app)
    assert "CAM 30.0, w 35.0" in words(app)  # CAM's is that of the last epoch of stage 1
    assert "is listed under Models as **20260101-cli**" in words(app)


def test_a_run_that_is_called_like_another_is_told_apart(place, ordered):
    for name in ("one", "two"):
        write_run(place, name, title="tiny on scenes train")
    app = open_train(run="two")
    assert query(app)["run"] == "two"
    press(app, key="train-new")
    press(app, key="train-start")
    assert query(app)["run"] == ordered[0].name
    shown = app.radio(key="train-run")
    assert shown.value == ordered[0].name
    assert sorted(shown.options) == [f"tiny on scenes train{more}" for more in ("", " \\(2\\)", " \\(3\\)")]


def test_a_link_to_a_run_that_is_gone_says_so(place):
    write_run(place, "one")
    assert "The link names the run “two”" in words(open_train(run="two"))


def test_curves_of_both_stages(place):
    write_run(place, "one")
    app = open_train(run="one")
    bce, sce, seeds, ap, rate = charts(app)
    thin, thick, thin2, thick2 = bce["data"]
    assert len(thin["x"]) == len(thick["x"]) == 30
    assert thick["x"][-1] == 3.0  # epochs
    assert (thin2["x"][0], thick2["x"][-1]) == (pytest.approx(3.1), 5.0)
    assert bce["layout"]["xaxis"]["range"] == [0, 5]
    assert len(sce["data"]) == 2  # stage 2 alone
    assert {trace["name"] for trace in seeds["data"]} == {row.label for row in READOUTS.values()}
    assert ap["data"][0]["y"] == pytest.approx([50, 60, 70, 50, 60])
    assert rate["data"][0]["y"][0] == pytest.approx(0.004 * (1 - 1 / 99))
    assert "waited for pictures 10% of the time" in words(app)
    assert "train-0007: its file ends too early" in words(app)


def test_a_running_job_shows_how_far_it_is_and_can_be_stopped(place, monkeypatch):
    write_run(place, "one", job="running", epochs=2, title="mine")
    write_job(place / "two", "train-boundary", "after it", "queued", about={"boundary_of": "one"})
    app = open_train(run="one")
    (bar,) = app.get("progress")
    assert bar.proto.value == 40  # 20 of 50 steps
    assert (
        bar.proto.text == "**mine** · stage 1 of 2, step 20 of 30, about 21 s left"
    )  # 30 · 0.5 s, and 3 validations of 2 s
    assert "queued: **after it**" in words(app)
    stopped = []
    monkeypatch.setattr(runs, "stop_job", lambda job: stopped.append(job.name))
    press(app, key="stop-one")
    assert stopped == ["two", "one"]  # what would follow has nothing to train on
    assert app.button(key="stop-one").disabled
    assert "Stopping: what is being computed now is finished first" in app.get("progress")[0].proto.text


def test_an_address_of_a_moment_ago_does_not_undo_a_new_training(place, monkeypatch):
    write_run(place, "one", job="stopped", epochs=2, title="mine", message="Stopped.")
    app = open_train(run="one")
    press(app, key="train-new")
    for late, shown in ((3.0, "new"), (-1.0, "one")):
        monkeypatch.setattr(panel, "LATE", late)
        app.query_params["run"] = "one"  # as the rerun of a fragment brings it along, or later somebody's Back
        ran(app)
        assert query(app)["run"] == shown


def test_a_run_that_ended_badly_says_why_and_can_go_on(place, monkeypatch):
    write_run(place, "one", job="failed", epochs=2, title="mine", message="The loss is no longer finite.")
    resumed = []
    monkeypatch.setattr(ui.widgets.jobs, "resume_job", resumed.append)
    app = open_train(run="one")
    assert [error.value for error in app.error] == ["**mine** ended with an error. The loss is no longer finite."]
    assert "Look with it" not in labels(app)
    assert {"Try again", "Train again with other settings"} <= set(labels(app))  # there is nothing to go on from
    (place / "one" / "checkpoint.pt").write_bytes(b"x")
    app = open_train(run="one")
    assert [b.proto.type for b in app.button if b.label == "Go on"] == ["primary"]
    press(app, label="Go on")
    assert [job.name for job in resumed] == ["one"]


def test_going_on_with_a_run_that_has_no_checkpoint_yet_starts_it_anew(place, ordered, monkeypatch):
    monkeypatch.setitem(SPLITS, "train", 8)
    tiny = replace(CONFIG, backbone="tiny", stage1_epochs=1, stage2_epochs=1, batch_size=4, crop=64, long_side_min=64,
                   long_side_max=80, watch=(), validation="")  # fmt: skip
    asked = runs.start(tiny, "mine")
    save_settings(asked.folder, tiny, SCENE_CLASSES)
    jobs.write_status(asked, jobs.Status("interrupted", 1.0, 1.0, 2.0, "It was killed."))
    resumed = []
    monkeypatch.setattr(ui.widgets.jobs, "resume_job", resumed.append)
    press(open_train(run=asked.name), label="Go on")
    assert [job.name for job in resumed] == [asked.name]
    assert main([*asked.arguments, *asked.again]) == 0
    assert asked.again == ("--resume",)
    assert (asked.folder / "model.safetensors").exists()


def test_a_run_that_failed_before_it_began_does_not_talk_as_if_it_would_start(place):
    write_run(place, "one", job="failed", epochs=0, message="No such file.")
    (place / "one" / "errors.txt").write_text("Traceback …\n\nUserError: No such file.\n")
    app = open_train(run="one")
    text = words(app)
    assert "It ended before its first step." in text
    assert "It ended before the first maps were made." in text
    for promise in ("come as soon as it begins", "Curves begin with", "Nothing was said"):
        assert promise not in text
    assert "UserError: No such file." in " ".join(code.value for code in app.code)
    assert [b.proto.type for b in app.button if b.label == "Train again with other settings"] == ["primary"]


def test_a_stop_is_said_once(place):
    write_run(place, "one", job="stopped", epochs=2, title="mine", message="Stopped.")
    assert [info.value for info in open_train(run="one").info] == ["**mine** was stopped."]


def test_a_run_whose_model_was_deleted_keeps_its_result(place):
    write_run(place, "one", model=False)
    text = words(open_train(run="one"))
    assert "On 100 pictures after the last epoch: mAP 60.0 %." in text
    assert "Its model was deleted." in text


def test_the_time_is_that_of_the_whole_job_and_the_model_has_its_title(place):
    folder = write_run(place, "one", title="my fish")
    status = json.loads((folder / jobs.STATUS).read_text())
    (folder / jobs.STATUS).write_text(json.dumps(status | {"ended": status["started"] + 1200}))
    text = words(open_train(run="one"))
    assert "Trained in 20 min." in text
    assert "is listed under Models as **my fish" in text


def test_a_run_that_another_tab_deleted_is_not_replaced_without_a_word(place):
    folder = write_run(place, "one")
    write_run(place, "two")
    app = open_train(run="one")
    shutil.rmtree(folder)
    ran(app)
    assert "The link names the run “one”" in words(app)
    assert query(app)["run"] == "two"


def test_lines_of_the_player_are_those_of_the_charts_and_go_through_both_stages(place):
    write_run(place, "one")
    app = open_train(run="one")
    colours = {trace["name"]: trace["line"]["color"] for trace in charts(app)[2]["data"]}
    run = place / "one"
    about = maps.new_roll(run, maps.watched_pictures(run)[0], 0, "fish", CONFIG, "one").stream.about
    shares = about["charts"][0]
    assert {line["label"]: line["colour"] for line in shares["lines"]} == colours
    assert shares["joined"]
    assert shares["ticks"] == [(0, "stage 1, start"), (4, "stage 2, start"), (6, "epoch 2")]
    alone = maps.new_roll(run, maps.watched_pictures(run)[0], 0, "fish", replace(CONFIG, stage1="m"), "one")
    assert alone.stream.about["charts"][0]["ticks"] == [(0, "stage 2, start"), (2, "epoch 2")]


def test_heatmaps_of_every_epoch(place):
    write_run(place, "one")
    run = runs.Run("one", place / "one", None)
    history = runs.history_of(run)
    assert len(history.maps) == 7  # 3 + 2 epochs and the start of each stage
    roll = maps.new_roll(run.folder, maps.watched_pictures(run.folder)[0], 0, "fish", CONFIG, "one")
    assert roll.feed(history.maps[:3], running=True)
    frames = roll.stream._frames
    assert [frame.label for frame in frames] == ["stage 1, start", "stage 1, epoch 1", "stage 1, epoch 2"]
    assert frames[0].layers["w"].note == "comes in stage 2"
    assert set(frames[1].layers) == {"cam"}
    assert roll.stream.running
    assert roll.stream.total == 7
    assert roll.feed(history.maps, running=False)
    assert [frame.label for frame in frames[4:]] == ["stage 2, start", "stage 2, epoch 1", "stage 2, epoch 2"]
    assert set(frames[-1].layers) == set(READOUTS)
    assert frames[-1].values["score"] == pytest.approx(0.6)
    covered = [frame.curves["cam"]["covered"][30] for frame in frames[:4]]
    assert covered == sorted(covered)  # the spot of the fixture grows
    assert not roll.stream.running
    (run.folder / history.maps[0].file).unlink()
    late = maps.new_roll(run.folder, maps.watched_pictures(run.folder)[0], 0, "fish", CONFIG, "one")
    assert late.feed(history.maps, running=False)
    layers = [len(frame.layers) for frame in late.stream._frames]
    assert layers[:2] == [len(READOUTS), 1]  # all with the first that is there
    assert not roll.feed(history.maps[:2], running=True)  # it went back to a checkpoint
    header = roll.stream.packed(describe=True)
    assert b'"seconds":null' in header


def test_the_player_is_there_with_picture_and_class(place):
    write_run(place, "one")
    app = open_train(run="one")
    assert "Heatmaps, epoch by epoch" in words(app)
    (data,) = handed_over(app)
    (shown,) = data["runs"]
    assert not shown["running"]
    app.selectbox(key="train-picture-one").set_value(1)
    ran(app)
    (data,) = handed_over(app)
    assert data["runs"][0]["id"] != shown["id"]


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda run: (run / "settings.json").write_text("{"), "settings.json is missing or damaged"),
        (lambda run: (run / "watched" / "000.png").write_bytes(b"no"), "The watched pictures of one cannot be read"),
        (
            lambda run: [path.write_bytes(b"no") for path in (run / "maps").iterdir()],
            "The maps of this run are damaged or gone",
        ),
        (lambda run: shutil.rmtree(run / "maps"), "The maps of this run are damaged or gone"),
        (lambda run: (run / "history.jsonl").unlink(), "Its history is gone, so there are no curves"),
    ],
)
def test_damaged_files_are_said(place, damage, complaint):
    damage(write_run(place, "one"))
    app = open_train(run="one")
    assert complaint in words(app)
    assert not app.exception


def test_a_damaged_history_shows_what_is_whole(place):
    folder = write_run(place, "one")
    with (folder / "history.jsonl").open("a") as file:
        file.write('{"event": "TrainStep", "stage": 2, "step": "x"}\n{"event": "TrainStep", "stage": 9, "step": 1}\n')
        file.write(
            '{"event": "Validated", "stage": 1}\n{"event": "EpochEnd", "stage": 1, "epoch": "?"}\nnot json\n{"event": "Tr'
        )
    app = open_train(run="one")
    assert "4 events of this run's history are damaged" in words(app)
    assert len(charts(app)[0]["data"]) == 4

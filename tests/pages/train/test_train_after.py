"""What the Train page offers after a run: the ways on, boundaries, comparison, deletion."""

import argparse
import json
from dataclasses import asdict, replace

from any_page import handed_over, press, query, ran, words
from train_page import charts, labels, open_train, parsed
from trained_runs import CONFIG, SCENE, write_job, write_run

from recam_core.commands import train_boundary
from recam_core.networks.readouts import readout_label, recam_readouts
from recam_core.records import TrainConfig
from recam_core.records.names import percent
from recam_core.system import jobs
from ui.train import after, compare, runs


def test_the_way_to_compare_and_to_errors(place):
    write_run(place, "one")
    app = press(open_train(run="one"), label="Look with it")
    assert query(app)["model"] == "one"
    assert query(app)["picture"] == SCENE
    app = press(open_train(run="one"), label="Evaluate")
    assert app.selectbox(key="new-model").value == "one"


def test_training_again_begins_with_the_same_settings(place, ordered):
    config = replace(CONFIG, recam_weight=0.31, stage1_epochs=4, split="val", validation="test")
    write_run(place, "one", config)
    app = press(open_train(run="one"), label="Train again with other settings")
    assert query(app)["run"] == "new"
    assert app.selectbox(key="train-data-split").value == "val"
    assert app.number_input(key="train-f-recam_weight").value == 0.31
    press(app, key="train-start")
    assert parsed(ordered[0].arguments) == config


def test_boundary_branches_on_a_model(place, ordered):
    write_run(place, "one", title="mine")
    app = open_train(run="one")
    app.number_input(key="boundary-one-epochs").set_value(2)
    ran(app)
    press(app, key="boundary-start")
    (job,) = ordered
    assert job.arguments[:2] == ("train-boundary", f"--model={place / 'one'}")
    assert {"--epochs=2", "--dataset=scenes", "--split=train", "--readout=w"} <= set(job.arguments)
    assert job.title == "boundary branches of mine"
    parser = argparse.ArgumentParser()
    train_boundary.add_arguments(parser)
    assert parser.parse_args(list(job.arguments[1:])).epochs == 2
    assert [bar.proto.text for bar in app.get("progress")] == [
        "**boundary branches of mine** · Its turn is about to come."
    ]
    with (job.folder / jobs.EVENTS).open("w") as file:
        for step in (1, 2, 2):
            terms = {"positive": 0.5, "negative": 0.4, "displacement": 0.3, "rate": 0.1}
            file.write(json.dumps({"event": "BoundaryStep", "epoch": 0, "step": step, "steps": 8, **terms}) + "\n")
    write_job(job.folder, "train-boundary", job.title, "running", about=job.about)
    app = open_train(run="one")
    assert "step 2 of 8" in app.get("progress")[0].proto.text
    assert len(charts(app)[0]["data"][0]["x"]) == 2


def test_boundary_settings_that_contradict_each_other_are_said(place):
    write_run(place, "one")
    app = open_train(run="one")
    app.slider(key="boundary-one-foreground").set_value(0.1)
    app.slider(key="boundary-one-background").set_value(0.5)
    ran(app)
    assert "0 ≤ background ≤ foreground" in words(app)
    assert not [b for b in app.button if b.key == "boundary-start"]
    assert after.default_boundary(replace(CONFIG, crop=130)).crop == 128
    assert after.default_boundary(replace(CONFIG, crop=32)).crop == 72


def test_a_run_is_deleted_after_a_question_and_not_while_it_runs(place):
    folder = write_run(place, "one")
    write_run(place, "two", job="running", epochs=1)
    app = open_train(run="two")
    assert "Delete it" not in labels(app)
    app = open_train(run="one")
    assert "It does not come back" in words(app)
    press(app, key="delete-one")
    assert not folder.exists()
    assert "The link names" not in words(app)
    assert query(app)["run"] == "two"


def best_words():
    """Of two runs that `write_run` gave the same scores: the last readout has a hundredth more than the one before."""
    score = percent(0.35 + 0.01 * (len(recam_readouts()) - 1), 1)
    return f"seed mIoU of {readout_label(recam_readouts()[-1])} {score} against {score}."


def test_runs_beside_one_another(place):
    write_run(place, "a", title="same")
    write_run(place, "b", replace(CONFIG, recam_weight=0.5, watch=(SCENE, "x")), shift=0.1, title="same")
    app = open_train(run="a")
    app.multiselect(key="train-compare").set_value(["b"])
    ran(app)
    bce, *_ = charts(app)
    assert len({trace["name"] for trace in bce["data"]}) == 2
    results, settings = (frame.value for frame in app.dataframe)
    assert list(settings[""]) == ["Balance λ", "watch"]
    assert list(settings.iloc[0])[1:] == ["0.02", "0.5"]
    assert list(results[""])[:3] == ["stage 1, last BCE", "stage 2, last BCE", "stage 2, last SCE"]
    (data,) = handed_over(app)
    assert len(data["runs"]) == 2
    assert {trace["name"] for trace in bce["data"]} == {"same", "same (2)"}
    assert compare.differences([CONFIG, CONFIG]) == []
    assert {trace["line"]["dash"] for trace in bce["data"] if trace["name"] == "same (2)"} != {
        trace["line"]["dash"] for trace in bce["data"] if trace["name"] == "same"
    }
    assert query(app)["with"] == "b"
    app = open_train(**{"run": "a", "with": "b,nobody"})
    assert app.multiselect(key="train-compare").value == ["b"]
    assert f"same against same (2): {best_words()}" in words(app)
    app.radio(key="train-run").set_value("b")
    ran(app)
    assert "with" not in query(app)  # a run is not compared with itself
    app.multiselect(key="train-compare").set_value([])
    ran(app)
    assert "with" not in query(app)


def test_the_sentence_of_a_comparison_names_what_differs(place):
    write_run(place, "a")
    write_run(place, "b", replace(CONFIG, recam_weight=0.5))
    made = [runs.history_of(run) for run in runs.all_runs()]
    pairs = [("a", made[0], CONFIG), ("b", made[1], replace(CONFIG, recam_weight=0.5))]
    assert compare.first_words(pairs) == f"Balance λ 0.02 against 0.5: {best_words()}"


def test_a_run_without_watched_pictures_or_scores_says_so(place):
    write_run(place, "one", replace(CONFIG, watch=(), validation=""))
    app = open_train(run="one")
    assert "No pictures are watched in this run" in words(app)
    assert "no validation split was chosen" in words(app)
    write_job(place / "two", "train", "later", "queued", about={"config": asdict(CONFIG), "pictures": 160})
    app = open_train(run="two")
    assert "The first maps come as soon as it begins" in words(app)
    assert isinstance(runs.settings_of(runs.all_runs()[0]), TrainConfig)

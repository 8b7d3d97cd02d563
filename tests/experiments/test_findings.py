"""Verdicts follow from numbers by their stated rule: each of them can come out both ways."""

import json

import pytest

from recam_core.experiments.findings import (
    ABLATIONS,
    COCO,
    FOUND,
    FOUR,
    LAMBDAS,
    NOT_FOUND,
    SEEDS,
    UNTESTED,
    points,
    read_study,
    verdicts,
)


def gain(mean, room=0.01):
    return {"mean": mean, "low": mean - room, "high": mean + room}


def lambdas(**miou):
    return {
        "rows": [{"name": k.replace("_", "."), "w": {"miou": v, "over_cam": gain(v - 0.5)}} for k, v in miou.items()]
    }


def ablations(sce, shared, weak):
    rows = {"sce": ({"objective": "sce"}, sce)}
    for weight, value in ((1.0, shared), (0.1, weak)):
        rows[f"shared-{weight:g}"] = ({"objective": "shared", "recam_weight": weight}, value)
    return {
        "rows": [
            {"name": name, "changes": changes, "w": {"over_cam": gain(value, 0.002)}}
            for name, (changes, value) in rows.items()
        ]
    }


def seeds(*gains, view="one scale"):
    rows = {name: {"miou": 0.5 + g, "over_cam": gain(g)} for name, g in zip(FOUR, gains, strict=True)}
    return {"views": {view: {"readouts": rows}}}


def verdicts_of(studies):
    return {(v.claim, v.where): v for v in verdicts(studies)}


@pytest.mark.parametrize(("sce", "verdict"), [(-0.2, FOUND), (-0.05, NOT_FOUND), (0.1, NOT_FOUND)])
def test_sce_alone_must_lie_below_cam_and_below_recam(sce, verdict):
    studies = {
        "scenes-lambda": lambdas(**{"1": 0.4}),
        "scenes-ablations": ablations(sce, 0, 0),
    }  # ReCAM is 0.1 below CAM
    assert verdicts_of(studies)["SCE alone, without FC2, is worse", "scenes"].verdict == verdict


@pytest.mark.parametrize(
    ("shared", "weak", "verdict"), [(0.005, -0.1, FOUND), (0.005, 0.02, NOT_FOUND), (0.03, 0, NOT_FOUND)]
)
def test_one_head_must_gain_little_at_both_lambdas(shared, weak, verdict):
    studies = {"scenes-ablations": ablations(0, shared, weak)}
    assert verdicts_of(studies)["BCE + SCE with one head, without FC2, gains little", "scenes"].verdict == verdict


@pytest.mark.parametrize(("gains", "verdict", "words"), [
    ((0.02, 0.03, 0.02, 0.04), FOUND, "all of four"), ((0.02, 0.005, 0.02, 0.04), NOT_FOUND, "3 of four"),
    ((-0.02, 0.0, 0.0, 0.0), NOT_FOUND, "none of four"),
])  # fmt: skip
def test_all_four_readouts_need_intervals_above_zero(gains, verdict, words):
    finding = verdicts_of({"photos-seeds": seeds(*gains)})["All four readouts beat CAM", "photos, seeds"]
    assert finding.verdict == verdict
    assert finding.numbers.startswith(words)


@pytest.mark.parametrize(("last", "verdict"), [(0.485, FOUND), (0.40, NOT_FOUND)])
def test_lambda_matters_where_w_moves_by_a_point(last, verdict):
    study = lambdas(**{"0": 0.9, "0_1": 0.49, "1": 0.488, "5": last})  # λ = 0 is no balance
    for part, where in (("scenes-lambda", "scenes"), ("photos-lambda", "photos, seeds")):
        assert verdicts_of({part: study})["λ hardly matters", where].verdict == verdict


@pytest.mark.parametrize(("gains", "best"), [((0, 0.01, 0.02, 0.03), "w⊗w′"), ((0.04, 0.01, 0.02, 0.03), "w")])
@pytest.mark.parametrize(("label", "data", "where", "part", "view"), [
    ("w⊗w′", "VOC", "VOC, seeds", "voc-seeds", "train, one scale"),
    ("w", "COCO", "COCO, never seen", "coco-folds", "one scale"),
])  # fmt: skip
def test_a_readout_must_be_the_best_of_four_where_the_paper_says_so(gains, best, label, data, where, part, view):
    verdict = verdicts_of({part: seeds(*gains, view=view)})[f"{label} is best on {data}", where]
    assert verdict.verdict == (FOUND if label == best else NOT_FOUND)
    assert "w′ 51.0" in verdict.numbers


def test_missing_files_give_no_verdict(tmp_path):
    assert {verdict.verdict for verdict in verdicts({})} == {UNTESTED}
    assert read_study("scenes-lambda", tmp_path) is None
    (tmp_path / "study-x.json").write_text("{")
    assert read_study("x", tmp_path) is None
    (tmp_path / "study-x.json").write_text(json.dumps({"rows": []}))
    assert read_study("x", tmp_path) == {"rows": []}


def test_the_shipped_results_have_all_that_verdicts_need():
    parts = {part for part, _ in SEEDS.values()} | {*LAMBDAS.values(), *ABLATIONS.values()}
    findings = verdicts({part: read_study(part) for part in parts})
    lacking = {(verdict.where, verdict.claim.partition(" ")[0]) for verdict in findings if verdict.verdict == UNTESTED}
    assert lacking == {(COCO, "SCE"), (COCO, "BCE"), (COCO, "λ")}


def test_points_are_signed_and_have_their_interval():
    assert points({"mean": -0.0123, "low": -0.02, "high": 0.001}) == "−1.2 (−2.0 … +0.1)"

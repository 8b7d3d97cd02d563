"""The Balance page as AppTest runs it: λ, ablations, the curve, sets, links, what is refused; clicks are in tests/browser."""

from dataclasses import replace

import numpy as np
import pytest
from any_page import handed_over, open_page, query, ran
from balance_page import PAGE, open_balance, table, text
from compare_page import SCENE, picture, upload
from odd_files import encode

import ui.balance.curve
import ui.balance.fits
import ui.balance.full
import ui.balance.knobs
import ui.balance.sets
import ui.compute.engine
from recam_core import gather_features, load_pair, open_dataset, refit_heads
from recam_core.datasets.samples import PHOTOS
from recam_core.experiments import lambda_maps
from recam_core.networks.model import CamModel
from recam_core.networks.readouts import READOUTS
from recam_core.training.recipes import default_refit
from ui.balance.fits import FitStore
from ui.compute import payloads
from ui.compute.packing import unpack
from ui.session import uploads

FEW, RUNGS = 10, (0.0, 0.1, 0.5, 1.0, 10.0)


@pytest.fixture(scope="module")
def banks():
    """Features of the few pictures, gathered once: no fit changes them."""
    return FitStore(2**28)


@pytest.fixture(autouse=True)
def _small_and_nothing_fitted(monkeypatch, banks):
    cache = ui.compute.engine.EvidenceCache()
    monkeypatch.setattr(ui.compute.engine, "EVIDENCE", cache)
    monkeypatch.setattr(
        ui.balance.fits, "LOOKS", ui.compute.engine.TurnCache(2**24, lambda look: look.nbytes, cache.queue)
    )
    monkeypatch.setattr(ui.balance.fits, "BANKS", banks)
    fits = FitStore(2**28)
    monkeypatch.setattr(ui.balance.fits, "FITS", fits)
    monkeypatch.setattr(ui.balance.curve, "FITS", fits)
    monkeypatch.setattr(ui.balance.sets, "COUNTS", {"quick": 5, "scenes": FEW, "photos": 4})
    for module in (ui.balance.knobs, ui.balance.curve):
        monkeypatch.setattr(module, "RUNGS", RUNGS)
    monkeypatch.setattr(ui.balance.knobs, "default_refit", lambda backbone: replace(default_refit(backbone), steps=6))
    monkeypatch.delenv("RECAM_DATA_ROOTS", raising=False)
    uploads._STORE.clear()


def fitted(weight, **changes):
    pair = load_pair("scenes")
    *_, bank = gather_features(pair, open_dataset("scenes", "", "train"), range(FEW), 512)
    *_, fit = refit_heads(pair, bank, replace(default_refit("tiny"), steps=6, recam_weight=weight, **changes))
    return fit


def shown(app):
    """The payload of the live heat view, the first of the two on the page: its header."""
    return unpack(payloads.get(handed_over(app)[0]["id"]))[0]


def moved(app, widget, value):
    widget.set_value(value)
    return ran(app)


def labels(app):
    return [element for element in app.multiselect if element.key.startswith("balance-labels")]


def view_titles(app):
    header = shown(app)
    return {view["key"]: view["title"] for view in header["views"]}


def test_it_opens_with_maps_of_all_readouts_and_the_numbers_of_the_engine():
    app = open_balance(classes="boat")
    header = shown(app)
    assert [view["key"] for view in header["views"]] == list(READOUTS)
    assert header["quality"] is not None  # the scene's mask is known
    row = table(app).iloc[0]
    fit = fitted(1.0)
    assert row["λ"] == "1"
    assert row["w"] == f"{100 * fit.scores['w'].miou:.1f}"
    assert row["CAM"] == f"{100 * fit.scores['cam'].miou:.1f}"
    assert "At λ = 1 and above 0.30, **boat** covers w" in text(app)


def test_who_follows_no_link_begins_with_what_moves():
    app = open_page(PAGE, picture=SCENE)
    assert "Heads and last block, live" in text(app)
    assert "last block too" in table(app).iloc[0]["what"]
    fits = [config for _, config in ui.balance.fits.FITS.cache._values]
    assert sorted(fit.recam_weight for fit in fits) == [
        0,
        0.1,
        1,
        10,
    ]  # a curve; the other λ when somebody asks for them
    assert {(fit.steps, fit.batch_size) for fit in fits} == {(1, default_refit("tiny").batch_size // 2)}
    assert not app.toggle(key="balance-whole-True").value
    assert query(app) | {"set": "quick", "block": "1"} == query(app)


def test_moving_lambda_runs_no_backbone_and_fills_the_table(monkeypatch):
    app = open_balance()
    shapes = []
    monkeypatch.setattr(CamModel, "features", lambda self, x: shapes.append(x.shape))
    moved(app, app.select_slider(key="balance-lambda"), 10.0)
    moved(app, app.select_slider(key="balance-lambda"), 0.1)
    assert shapes == []
    assert table(app)["λ"].tolist() == ["0.1", "10", "1"]  # the newest first
    assert query(app)["lambda"] == "0.1"


def test_the_curve_holds_every_lambda_and_does_not_depend_on_the_way(monkeypatch):
    app = open_balance()
    fits = ui.balance.fits.FITS
    points = {key[1].recam_weight: fit for key, fit in fits.cache._values.items()}
    assert sorted(points) == list(RUNGS)
    assert np.array_equal(points[10.0].head["w"], fitted(10.0).head["w"])
    assert app.toggle(key="balance-whole-False").value


def test_the_curve_can_be_left_alone():
    app = open_balance()
    moved(app, app.toggle(key="balance-whole-False"), False)
    before = len(ui.balance.fits.FITS.cache.values())
    moved(app, app.toggle(key="balance-mask"), False)
    assert len(ui.balance.fits.FITS.cache.values()) == before + 1  # the λ that is shown, no other


def test_at_lambda_zero_what_fc2_gives_is_marked_untrained():
    app = open_balance(**{"lambda": "0"})
    titles = view_titles(app)
    assert titles.pop("cam") == titles.pop("w") == "BCE alone"
    assert set(titles.values()) == {"untrained"}
    assert shown(app)["compare"] == "w"  # no sentence speaks of what means nothing
    assert table(app).iloc[0][["w′", "w⊕w′", "w⊗w′"]].tolist() == ["untrained"] * 3
    assert table(app).iloc[0]["SCE"] == "–"


@pytest.mark.parametrize(
    ("objective", "title", "what"), [("shared", "BCE + SCE", "one shared head"), ("sce", "SCE alone", "SCE alone")]
)
def test_ablations_are_fitted_and_named(objective, title, what):
    app = open_balance(objective=objective)
    assert view_titles(app)["w"] == title
    assert view_titles(app)["product"] == "untrained"
    assert table(app).iloc[0]["what"] == what
    assert query(app)["objective"] == objective
    if objective == "sce":
        assert table(app).iloc[0]["λ"] == "–"  # there is nothing to balance


def test_an_unfrozen_block_learns_on_request_and_fits_the_other_lambdas_only_when_asked():
    app = open_balance(block="1")
    assert "last block too" in table(app).iloc[0]["what"]
    assert len(ui.balance.fits.FITS.cache.values()) == 1
    assert not app.toggle(key="balance-whole-True").value
    assert "Heads and last block, live" in text(app)


def test_a_link_with_a_lambda_that_is_none_says_so():
    for asked in ("-1", "nan", "1e6", "many"):
        app = open_balance(**{"lambda": asked})
        assert "The link asks for a λ that is no number from 0 to 10; you see λ = 1" in text(app), asked
        assert app.select_slider(key="balance-lambda").value == 1.0


def test_full_training_stands_beside_the_live_curve():
    app = open_balance(part="full")
    assert "python -m recam_core study scenes-lambda" in text(app)


def test_every_finding_has_a_verdict():
    words = text(open_balance(part="verdicts"))
    for claim in (
        "SCE alone, without FC2, is worse",
        "All four readouts beat CAM",
        "hardly matters",
        "with one head, without FC2",
    ):
        assert claim in words
    for verdict in ("reproduced", "not reproduced"):
        assert verdict in words


def test_when_recam_helps_says_how_often_and_opens_the_middle():
    words = text(open_balance(part="when"))
    assert "of 27 points" in words
    assert "**The point**: the body’s pattern as bundled, objects as bundled" in words
    assert "python -m recam_core study scenes-when" in words


def test_photos_begin_with_the_labelled_samples_and_say_what_they_lack():
    app = open_balance(picture="chelsea", part="tried")
    assert app.get("segmented_control")
    assert "no class" not in text(app)
    words = text(app)
    assert "no λ can be called better than another here" in words
    assert "of the model’s 20 classes are in no picture here" in words
    assert table(app).iloc[0]["w"] == "–"


def test_on_voc_the_maps_of_full_training_lie_under_a_slider_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr(lambda_maps, "FILE", tmp_path / "maps.npz")
    monkeypatch.setattr(lambda_maps, "PHOTOS", {"chelsea": None})
    lambda_maps._arrays.cache_clear()
    lambda_maps.save_lambda_maps({weight: load_pair("voc") for weight in (0.1, 1.0)}, lambda_maps.FILE)
    rows = [{"name": name, "w": {"miou": 0.4}} for name in ("0.1", "1")]
    study = {"rows": rows, "command": "study", "date": "today", "device": "CPU", "split": "train"}
    monkeypatch.setattr(ui.balance.full, "read_study", lambda part: study if part == "voc-lambda" else None)
    fits = len(ui.balance.curve.FITS.cache.values())
    app = open_balance(picture="chelsea")
    assert "split “train”" in text(app)
    app.session_state["balance-full-lambda"] = 0.02  # a rung of the scenes, which VOC has not
    ran(app)
    assert app.select_slider(key="balance-full-lambda").value == 0.1
    view = unpack(payloads.get(handed_over(app)[-1]["id"]))[0]["views"][1]
    assert view["title"] == "trained with λ = 0.1"
    assert len(ui.balance.curve.FITS.cache.values()) == fits + 1  # the one of the page itself
    lambda_maps._arrays.cache_clear()


def test_a_voc_devkit_is_fitted_on_and_scored(voc2012, monkeypatch):
    monkeypatch.setenv("RECAM_DATA_ROOTS", str(voc2012))
    monkeypatch.setattr(ui.balance.sets, "PHOTO_SIDE", 128)
    app = open_balance(picture="chelsea", part="tried")
    assert app.get("segmented_control")[0].value == "photos"
    assert float(table(app).iloc[0]["w"]) > 0


def test_photos_without_a_folder_say_what_to_do():
    app = open_balance(picture="chelsea", set="photos", part="when")
    assert "RECAM_DATA_ROOTS" in text(app)
    assert "of 27 points" in text(app)  # the rest of the page stays


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # see tests/datasets/test_coco.py
def test_photos_of_a_named_folder_are_scored(coco128, monkeypatch):
    monkeypatch.setenv("RECAM_DATA_ROOTS", str(coco128.parent))
    monkeypatch.setattr(ui.balance.sets, "PHOTO_SIDE", 128)
    app = open_balance(picture="chelsea", set="photos", model="photos")
    assert float(table(app).iloc[0]["w"]) > 0


def test_an_upload_is_labelled_and_fitted_on():
    app = open_balance(picture="chelsea")
    upload(app, ("mine.png", encode(picture(), "PNG")))
    key = next(element.key for element in app.multiselect if element.label.startswith("mine"))
    assert app.multiselect(key=key).value == []  # left out until somebody says what it shows
    before = len(ui.balance.fits.BANKS.cache.values())
    moved(app, app.multiselect(key=key), ["cat", "dog"])
    assert len(ui.balance.fits.BANKS.cache.values()) == before + 1
    (names,) = {bank.names for bank in ui.balance.fits.BANKS.cache.values() if len(bank.names) == len(PHOTOS) + 1}
    assert "mine.png" in names


def test_an_unknown_label_and_no_label_at_all_get_a_sentence():
    app = open_balance(picture="chelsea")
    moved(app, labels(app)[0], ["Cats"])
    assert "is labelled “Cats”, which the model does not know; did you mean cat" in text(app)
    for number in range(len(labels(app))):
        moved(app, labels(app)[number], [])
    assert "No picture has a label yet" in text(app)


def test_one_picture_of_one_class_is_told_what_it_cannot_say():
    app = open_balance(picture="chelsea")
    for number in range(1, len(labels(app))):
        moved(app, labels(app)[number], [])
    assert "There is one picture: both heads can only learn it by heart" in text(app)
    assert "nothing to separate it from" in text(app)

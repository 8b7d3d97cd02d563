"""Pages with a model that has CAM alone, and with one that has ReCAM alone: what they show, say and suggest."""

import shutil

import pytest
import torch
from any_page import SHELL, open_page, ran, unfold
from balance_page import few_fits, open_balance, text
from climb_page import open_climb, watched
from compare_page import SCENE, mounted, press, shown
from safetensors.torch import save_file
from streamlit.testing.v1 import AppTest
from walk_page import open_walk, order_of
from why_page import open_why

import ui.compute.engine
from recam_core.checkpoints.importers import CLASS_LISTS
from recam_core.checkpoints.pair_file import save_pair
from recam_core.datasets.samples import SCENE_CLASSES
from recam_core.networks.pair import build_pair
from recam_core.networks.readouts import READOUTS, recam_readouts
from recam_core.records import CAM
from ui.session import uploads

pytestmark = pytest.mark.usefixtures("_nothing_remembered")
SOFTMAX = {name: {"bias": True, "activation": "softmax"} for name in ("cam", "recam")}


@pytest.fixture
def _nothing_remembered(monkeypatch):
    monkeypatch.setattr(ui.compute.engine, "EVIDENCE", ui.compute.engine.EvidenceCache())
    few_fits(monkeypatch)
    uploads._STORE.clear()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder of models that lack something.

    ``alone``: CAM with a softmax; ``plain``: CAM with a sigmoid; ``recam``: no CAM; ``many``: CAM of 1,000 classes;
    ``deep``: a head of two layers, which CAM does not apply to.
    """
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("partial")
    parts = {
        "alone": (SCENE_CLASSES, (CAM,), SOFTMAX),
        "plain": (SCENE_CLASSES, (CAM,), None),
        "recam": (SCENE_CLASSES, ("recam",), None),
        "many": (CLASS_LISTS["ImageNet"](), (CAM,), SOFTMAX),
        "deep": (SCENE_CLASSES, (CAM,), {"cam": {"head": "vector", "hidden": 16, "bias": True}}),
    }
    for name, (classes, networks, heads) in parts.items():
        save_pair(build_pair(name, "tiny", classes, {}, networks, heads), folder / f"{name}.safetensors")
    return folder


@pytest.fixture(autouse=True)
def models(made, tmp_path, monkeypatch):
    """A copy of it for each test."""
    torch.manual_seed(0)  # for what a test builds itself
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("RECAM_MODELS", str(tmp_path))


def infos(app):
    return " ".join(info.value for info in app.info).replace("\\", "")


def labels(app):
    return [view["label"] for view in shown(app)[0]["views"]]


def test_compare_shows_one_panel_and_says_where_fc2_is_trained():
    app = open_page(picture=SCENE, model="alone")
    assert labels(app) == ["CAM"]
    assert "The model alone has one classifier (FC1) and shows **CAM** alone" in infos(app)
    assert "Train FC2 on it" in [button.label for button in app.button]
    assert "1 backbone pass for one map of 8 classes" in " ".join(m.value for m in unfold(app, "show_method").markdown)
    assert app.selectbox(key="model").options[-5:] == [
        "alone · 8 classes · CAM alone · imported",
        "deep · 8 classes · gradient methods alone · imported",
        "many · 1000 classes · CAM alone · imported",
        "plain · 8 classes · CAM alone · imported",
        "recam · 8 classes · ReCAM alone · imported",
    ]


def test_compare_shows_methods_alone_where_cam_does_not_apply_and_other_pages_say_so():
    app = open_page(picture=SCENE, model="deep")
    assert labels(app) == ["Grad-CAM++", "LayerCAM"]
    assert "answer of the model deep is not linear in averaged features, so **CAM does not apply**" in infos(app)
    app.multiselect(key="more-methods").set_value(["gradcam"])
    ran(app)
    assert labels(app) == ["Grad-CAM"]
    app.multiselect(key="more-methods").set_value([])
    ran(app)
    assert labels(app) == ["Grad-CAM++", "LayerCAM"]
    for page in ("climb", "walk"):
        app.switch_page(f"../pages/explore/{page}.py").run()
        assert not app.exception
        assert "The model deep has no weights that could be" in infos(app)
    for page in ("why", "balance"):
        app.switch_page(f"../pages/learn/{page}.py").run()
        assert not app.exception
        assert "The model deep has no weights that could be" in infos(app)


def test_compare_shows_recam_alone_without_a_reference():
    app = open_page(picture=SCENE, model="recam")
    assert labels(app) == [READOUTS[name].label for name in recam_readouts()]
    assert "CAM is missing" in infos(app)


@pytest.mark.parametrize(("model", "unit"), [("alone", "softmax probability"), ("plain", "probability")])
def test_scores_are_called_what_they_are(model, unit):
    app = open_page(picture=SCENE, model=model)
    (choice,) = [m for m in app.multiselect if m.label == "What is in the picture?"]
    assert choice.help.startswith(f"Classes with their {unit}, ")
    hints = [c.value for c in app.caption if c.value.startswith("Softmax probabilities sum to 1 over all 8 classes")]
    assert len(hints) == (model == "alone")
    if model == "alone":
        scores = [float(option.rsplit(" ", 1)[1]) for option in choice.options]
        assert sum(scores) == pytest.approx(1, abs=0.04)  # of eight numbers rounded to two digits


def test_compare_works_with_a_thousand_classes():
    app = open_page(picture=SCENE, model="many")
    (choice,) = [m for m in app.multiselect if m.label == "What is in the picture?"]
    assert len(choice.options) == len({option.rsplit(" ", 1)[0] for option in choice.options}) == 1000
    assert len(choice.value) == 1
    choice.set_value(["crane", "crane bird", "maillot", "maillot tank suit"])
    ran(app)
    assert [c["name"] for c in shown(app)[0]["classes"]] == ["crane", "crane bird", "maillot", "maillot tank suit"]


@pytest.mark.parametrize(
    ("model", "offered"),
    [("alone", ["CAM · softmax classifier"]), ("plain", ["CAM · BCE alone"]), ("recam", len(recam_readouts()))],
)
def test_climb_offers_what_the_model_has_and_climbs(model, offered):
    app = open_climb(model=model)
    options = app.selectbox(key="readout").options
    assert options == offered if isinstance(offered, list) else len(options) == offered
    (stream,) = watched(app)
    assert (stream.state, stream.made) == ("done", 8)  # the preview


def test_walk_offers_what_the_model_has_and_walks():
    app = open_walk(model="alone")
    assert app.selectbox(key="readout").options == ["CAM · softmax classifier"]
    assert order_of(app).start.readout == CAM
    assert len(mounted(app)["runs"]) == 1


def test_walk_labels_a_model_of_a_thousand_classes():
    app = open_walk(model="many")
    assert not app.error
    assert len(order_of(app).start.classes) == 1


def test_a_readout_that_the_next_model_lacks_gives_way():
    app = open_climb(model="plain")
    app.selectbox(key="model").set_value("recam")
    ran(app)
    assert app.selectbox(key="readout").value == "w"


@pytest.mark.parametrize("model", ["alone", "recam"])
def test_why_says_what_it_needs_and_leads_to_a_bundled_model(model):
    app = open_why(model=model)
    assert "so it needs both. The model" in infos(app)
    assert not app.error
    press_suggested(app)
    assert app.selectbox(key="model").value == "scenes"
    assert any(m.value.startswith("#### 1") for m in app.markdown)


def press_suggested(app):
    app.button(key="suggested").click()
    return ran(app)


def test_balance_fits_a_model_with_cam_alone():
    app = open_balance(model="plain")
    assert not app.error
    assert "At λ = 1 and above" in text(app)


def test_balance_says_what_it_needs_and_leads_to_a_bundled_model():
    app = open_balance(model="recam")
    assert "trained with BCE alone. The model recam has ReCAM’s readouts and no CAM" in infos(app)
    press_suggested(app)
    assert app.selectbox(key="model").value == "scenes"


def test_balance_leaves_a_model_of_a_thousand_classes_to_others():
    app = open_balance(model="many")
    assert not app.error
    assert "true masks, which tell 254 classes apart at most. The model many has CAM alone" in infos(app)


def test_a_way_from_compare_to_climb_takes_cam_along():
    app = AppTest.from_file(SHELL, default_timeout=60)
    app.query_params["picture"], app.query_params["model"] = SCENE, "alone"
    ran(app)
    assert app.selectbox(key="readout").value == CAM
    press(app, "scene-bird-tree")
    assert labels(app) == ["CAM"]


@pytest.mark.parametrize("card", [  # each of its entries is looked at on its own
    {"training": [1], "about": [1], "walk": 5, "warning": 5,
     "scores": {"VOC, single scale": {"readouts": {"w": 3}},
                "VOC, one scale": {"pictures": 3, "readouts": {"w": {"threshold": 0.2}}}}},
    {"training": {"stage1_epochs": [1], "stage2_epochs": 1, "recam_weight": "a", "seed": {}}, "imported": [1],
     "walk": {"measured": {"x": 1}}, "scores": {"VOC, single scale": {"readouts": ["w"]}}},
    {"training": "abc", "scores": 3, "walk": {"measured": 3}},
])  # fmt: skip
def test_a_card_of_another_hand_stops_no_page(tmp_path, card):
    save_pair(build_pair("odd", "tiny", SCENE_CLASSES, card), tmp_path / "odd.safetensors")
    for open_one in (open_page, open_walk, open_climb, open_why, open_balance):
        open_one(picture=SCENE, model="odd")


def test_one_odd_file_stops_no_page(tmp_path):
    (tmp_path / "loop.safetensors").symlink_to("loop.safetensors")
    save_file({"x": torch.zeros(1)}, tmp_path / "deep.safetensors", {"pair": "[" * 100_000})
    app = open_page(picture=SCENE)
    for page in ("models", "errors", "train"):
        app.switch_page(f"../pages/lab/{page}.py")
        ran(app)

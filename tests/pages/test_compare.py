"""The Compare page as AppTest runs it: everything but the drawing, which tests/browser looks at."""

import io
import json
import re
import struct
import zipfile
import zlib

import numpy as np
import pytest
from any_page import open_page, query, ran, unfold
from compare_page import (
    OTHER_SCENE,
    SCENE,
    class_names,
    mounted,
    open_scene,
    picture,
    press,
    sentences,
    shown,
    upload,
)
from odd_files import encode
from PIL import Image

import ui.compute.engine
from recam_core import (
    MULTI_SCALE,
    SAMPLES,
    HeatmapOptions,
    gather_evidence,
    known_models,
    load_pair,
    read_header,
    read_sample,
)
from recam_core.cam.thresholds import area_threshold
from recam_core.datasets.samples import sample_model
from recam_core.networks.readouts import READOUTS
from ui.compare.files import figure_file
from ui.compare.grid import Row, grid_bundles
from ui.compare.maps import rates_at, shown_maps
from ui.components.heatview import DEFAULTS
from ui.compute import payloads
from ui.compute.packing import unpack
from ui.session import uploads

SCENE_CLASSES = read_header(known_models()["scenes"])["classes"]


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch):
    monkeypatch.setattr(ui.compute.engine, "EVIDENCE", ui.compute.engine.EvidenceCache())
    uploads._STORE.clear()


def rotated():
    exif = Image.Exif()
    exif[0x0112] = 6
    return encode(picture(), "JPEG", exif=exif)


def explained(sample):
    pair = load_pair(known_models()[sample_model(sample)])
    return gather_evidence(read_sample(sample)[0].pixels, pair, HeatmapOptions(long_side=256)), pair


def sixteen_bit():
    ramp = np.linspace(0, 65535, 96 * 64).reshape(64, 96).astype(np.uint16)
    return encode(Image.fromarray(ramp), "PNG")


def giant_png():
    """A PNG whose header claims 50,000 × 50,000 pixels."""
    data = bytearray(encode(picture(), "PNG"))
    data[16:24] = struct.pack(">II", 50_000, 50_000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    return bytes(data)


# ---- what is there at first, samples and models


def test_the_first_page_explains_a_bundled_photo():
    app = open_page()
    header, blobs = shown(app)
    assert query(app)["picture"] == SAMPLES[0]
    assert header["picture"]["name"] == SAMPLES[0]
    assert [view["key"] for view in header["views"]] == list(READOUTS)
    assert [view["key"] for view in header["views"] if view["reference"]] == ["cam"]
    assert np.frombuffer(blobs["maps"], np.uint8).max() == 255
    assert header["quality"]["each"]  # its true mask is known
    assert not app.error
    assert any(re.fullmatch(r"cpu · [\d.]+ s", caption.value) for caption in app.caption)
    assert mounted(app)["large"] is True
    assert mounted(app)["initial"] | {"rule": "measured", "maps": "two"} == mounted(app)["initial"]
    # CAM and the readout of the model's card that was measured best, each at its own threshold
    table = read_header(known_models()["voc"])["card"]["scores"]["voc train, one scale"]["readouts"]
    rows = {name: table[name] for name in ("cam", "w", "wprime", "sum", "product")}
    assert header["compare"] == max(set(rows) - {"cam"}, key=lambda name: rows[name]["miou"])
    thresholds = {view["key"]: view["threshold"] for view in header["views"]}
    assert {key: thresholds[key] for key in rows} == {key: row["threshold"] for key, row in rows.items()}
    assert np.shape(header["otsu"]) == (len(READOUTS), len(header["classes"]))
    assert Image.open(io.BytesIO(blobs["picture"])).size == (header["picture"]["width"], header["picture"]["height"])


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_sample_is_explained_by_the_model_that_suits_it(sample):
    app = press(open_scene(size="256"), sample)
    header, blobs = shown(app)
    assert header["picture"]["name"] == sample
    assert app.selectbox(key="model").value == sample_model(sample)
    assert "mask" in blobs
    assert header["quality"] is not None
    assert not app.error


def test_another_model_explains_the_same_picture_with_its_own_classes():
    app = open_scene(size="256")
    app.selectbox(key="model").set_value("photos")
    ran(app)
    header, _ = shown(app)
    assert header["picture"]["name"] == SCENE
    assert set(class_names(app)) <= set(read_header(known_models()["photos"])["classes"])
    assert header["quality"] is None  # the scene's label values are no classes of photos
    assert query(app)["model"] == "photos"
    assert any(w.value.startswith("This scene is drawn, and photos has other classes") for w in app.warning)


def test_a_class_that_the_model_did_not_predict_can_be_asked_for():
    app = open_scene()
    unlikely = app.multiselect[0].options[-1].rsplit(" ", 1)[0]
    app.multiselect[0].set_value([unlikely])
    ran(app)
    (only,) = shown(app)[0]["classes"]
    assert only["name"] == unlikely
    assert only["score"] < 0.5
    assert query(app)["classes"] == unlikely


def test_classes_are_offered_most_probable_first():
    app = open_scene()
    scores = [float(label.rsplit(" ", 1)[1]) for label in app.multiselect[0].options]
    assert len(scores) == len(SCENE_CLASSES)
    assert scores == sorted(scores, reverse=True)


def test_without_a_class_the_most_probable_is_shown_and_the_page_says_so():
    app = open_scene()
    best = app.multiselect[0].options[0].rsplit(" ", 1)[0]
    app.multiselect[0].set_value([])
    ran(app)
    assert class_names(app) == [best]
    assert "Choose at least one class" in app.info[0].value


def test_each_picture_has_its_own_classes_and_remembers_a_choice():
    app = open_scene()
    app.multiselect[0].set_value(["dog"])
    ran(app)
    press(app, OTHER_SCENE)
    untouched = class_names(open_page(picture=OTHER_SCENE))
    assert class_names(app) == untouched
    press(app, SCENE)
    assert class_names(app) == ["dog"]


# ---- what costs a backbone pass


def test_only_settings_of_the_view_cost_passes(passes):
    app = open_scene()
    assert len(passes) == 2  # one per network for five maps
    for change in ({"t": "0.7"}, {"palette": "inferno"}, {"opacity": "0.2", "scale": "together"}):
        app.query_params.update(change)
        ran(app)
    app.multiselect[0].set_value(["cat", "tree", "bus"])
    ran(app)
    assert len(passes) == 2
    press(app, OTHER_SCENE)
    assert len(passes) == 4
    press(app, SCENE)
    assert len(passes) == 4  # the evidence was kept


def test_scales_mirror_image_and_size_decide_about_the_passes(passes):
    app = open_scene()
    height, width = read_sample(SCENE)[0].pixels.shape[:2]
    assert passes == [(2, 3, height, width)] * 2
    passes.clear()
    app.toggle(key="flip").set_value(False)
    ran(app)
    assert passes == [(1, 3, height, width)] * 2
    passes.clear()
    app.button_group(key="scales").set_value("multi")
    ran(app)
    assert [shape[-1] for shape in passes] == [round(width * scale) for scale in MULTI_SCALE] * 2
    assert query(app) | {"scales": "multi", "flip": "0"} == query(app)
    passes.clear()
    app.toggle(key="flip").set_value(True)
    app.button_group(key="scales").set_value("single")
    ran(app)
    assert passes == []


def test_a_smaller_working_size_is_a_smaller_pass(passes):
    app = open_page(picture="chelsea", size="256")
    assert passes[0][3] == 256
    assert shown(app)[0]["picture"]["width"] == 256


# ---- links


def test_a_link_brings_back_the_whole_view():
    link = {
        "picture": OTHER_SCENE, "model": "scenes", "classes": "dog,tree", "t": "0.55", "opacity": "0.25", "view": "error",
        "palette": "cividis", "scale": "together", "grow": "1", "scales": "multi", "flip": "0", "size": "384",
    }  # fmt: skip
    app = open_page(**link)
    assert shown(app)[0]["picture"]["name"] == OTHER_SCENE
    assert class_names(app) == ["dog", "tree"]
    assert mounted(app)["initial"] == {
        "threshold": 0.55, "opacity": 0.25, "palette": "cividis", "mode": "error", "scale": "together", "grow": True,
        "rule": "same", "area": 0.2, "maps": "two", "numbers": False, "boxes": False,
    }  # fmt: skip
    assert app.button_group(key="scales").value == "multi"
    assert (app.toggle(key="flip").value, app.select_slider(key="size").value) == (False, 384)
    assert query(app) == link
    assert app.code[0].value.endswith("?" + "&".join(f"{name}={value}" for name, value in sorted(link.items())))


def test_a_link_says_where_maps_are_cut_and_which_are_shown():
    link = {"rule": "area", "area": "35", "maps": "all", "boxes": "1"}
    app = open_scene(**link)
    expected = {"rule": "area", "area": 0.35, "maps": "all", "boxes": True, "threshold": 0.3}
    assert mounted(app)["initial"] | expected == mounted(app)["initial"]
    assert query(app) | link == query(app)
    assert "t" not in query(app)
    assert not app.get("plotly_chart")  # until somebody wants to see curves
    (chart, *_) = unfold(app, "show_curves").get("plotly_chart")
    rings = [trace for trace in json.loads(chart.proto.spec)["data"] if trace["mode"] == "markers"]
    covered = [classes[0] for classes in shown(app)[0]["covered"]["each"]]  # of the first class, under each map
    assert [trace["x"][0] for trace in rings] == [area_threshold(np.array(shares), 0.35) for shares in covered]
    same = open_scene(rule="same")  # at the threshold that counts anyway
    assert mounted(same)["initial"]["rule"] == query(same)["rule"] == "same"
    assert not any(
        '"markers"' in chart.proto.spec for chart in unfold(same, "show_curves").get("plotly_chart")
    )  # a line for all


def test_nonsense_in_a_link_falls_back_without_a_word():
    names = ("t", "opacity", "view", "palette", "scale", "grow", "scales", "flip", "size", "rule", "area", "maps")
    plain = open_scene()
    for nonsense in ("", "nonsense", "<b>", "-1", "nan", "1e400", "é" * 300, "0,1", "../../etc", "\x00"):
        app = open_scene(**dict.fromkeys(names, nonsense))
        assert mounted(app) == mounted(plain), nonsense
        assert query(app) == query(plain), nonsense
        assert not app.error
        assert not app.warning
        assert query(open_page(picture=nonsense))["picture"] == SAMPLES[0]


def test_a_link_that_names_what_is_not_here_says_so_once():
    app = open_scene(model="zzz")
    (warning,) = app.warning
    assert "the model “zzz”" in warning.value
    assert "voc, photos, scenes" in warning.value
    assert not ran(app).warning
    app = open_scene(classes="unicorn,fish")
    assert class_names(app) == ["fish"]
    assert "unicorn" in app.warning[0].value
    assert not ran(app).warning


def test_what_the_person_set_outlives_an_address_without_it():
    app = open_scene(t="0.55", view="mask", size="384")
    app.query_params.clear()  # as after a visit to another page
    ran(app)
    assert (mounted(app)["initial"]["threshold"], mounted(app)["initial"]["mode"]) == (0.55, "mask")
    assert query(app) | {"picture": SCENE, "t": "0.55", "view": "mask", "size": "384"} == query(app)


def test_at_most_four_classes_and_each_once_come_from_a_link():
    app = open_scene(classes="dog,dog,unicorn,cat,,bus,tree,bird,car")
    assert class_names(app) == ["dog", "cat", "bus", "tree"]


def test_a_link_to_an_upload_works_for_others_until_the_server_forgets_it():
    data = encode(picture(), "PNG")
    link = query(upload(open_scene(), ("mine.png", data)))
    assert shown(open_page(**link))[0]["picture"]["name"] == "mine.png"
    uploads._STORE.clear()
    lost = open_page(**link | {"classes": "sheep"})
    assert len(lost.error) == 1
    assert "Upload that file" in sentences(lost)[0]
    assert shown(lost)[0]["picture"]["name"] == SAMPLES[0]
    again = upload(lost, ("other-name.png", data))
    assert not again.error
    assert class_names(again) == ["sheep"]
    assert query(again)["picture"] == link["picture"]


def test_an_operator_can_keep_uploads_out_of_links(monkeypatch):
    monkeypatch.setenv("RECAM_KEEP_UPLOADS", "0")
    app = upload(open_scene(), ("mine.png", encode(picture(), "PNG")))
    assert shown(app)[0]["picture"]["name"] == "mine.png"  # this session has it
    assert any("does not keep uploads" in caption.value for caption in app.caption)
    stranger = open_page(**query(app))
    assert len(stranger.error) == 1
    assert shown(stranger)[0]["picture"]["name"] == SAMPLES[0]


# ---- uploads

GOOD = {
    "photo.jpg": lambda: encode(picture(), "JPEG"),
    "drawing.png": lambda: encode(picture(), "PNG"),
    "web.webp": lambda: encode(picture(), "WEBP"),
    "old.bmp": lambda: encode(picture(), "BMP"),
    "scan.tif": lambda: encode(picture(), "TIFF"),
    "moving.gif": lambda: encode(picture(), "GIF", save_all=True, append_images=[picture(97, 64).crop((0, 0, 96, 64))]),
    "deep.png": sixteen_bit,
    "print.jpg": lambda: encode(picture(mode="CMYK"), "JPEG"),
    "cutout.png": lambda: encode(picture(mode="RGBA"), "PNG"),
    "turned.jpg": rotated,
}


@pytest.mark.parametrize("name", GOOD)
def test_good_files_become_the_subject(name):
    app = upload(open_scene(), (name, GOOD[name]()))
    described = shown(app)[0]["picture"]
    assert not app.error
    assert described["name"] == name
    assert (described["width"], described["height"]) == ((64, 96) if name == "turned.jpg" else (96, 64))
    assert app.selectbox(key="model").value == "voc"


def test_several_files_of_the_panel_are_all_kept_and_stand_together_until_one_is_chosen():
    files = [(f"{n}.png", encode(picture(96 + n), "PNG")) for n in range(3)]
    app = upload(open_scene(), *files, ("broken.png", b"no picture"))
    assert shown(app)[0]["picture"]["name"] == "0.png"
    assert len(mounted(app)["more"]) == 2
    assert len(app.error) == 1
    own = [button.key for button in app.button if button.key and len(button.key) == len("show-") + 64]
    assert len(own) == 3
    app.button(key=own[0]).click()
    ran(app)
    assert (mounted(app)["more"], shown(app)[0]["picture"]["name"]) == ([], "0.png")


def dropped(app, *files):
    (door,) = [u for u in app.file_uploader if u.key.startswith("drop-")]
    door.set_value([(name, data, "application/octet-stream") for name, data in files])
    return ran(app)


def test_several_pictures_through_the_first_door_stand_below_one_another():
    files = [(f"{n}.png", encode(picture(96 + n), "PNG")) for n in range(2)]
    app = dropped(open_scene(size="256"), *files, ("broken.png", b"no picture"))
    (sentence,) = sentences(app)
    assert "broken.png" in sentence
    names = [unpack(payloads.get(p["id"]))[0]["picture"]["name"] for p in [mounted(app), *mounted(app)["more"]]]
    assert names == ["0.png", "1.png"]
    assert query(app)["pictures"].count(",") == 1
    app.selectbox(key="grid-class").set_value("cat")
    ran(app)
    assert [c["name"] for c in shown(app)[0]["classes"]] == ["cat"]
    assert {button.label for button in app.get("download_button")} >= {"Save figure", "SVG", "PDF", "Evidence bundles"}
    press(app, SCENE)  # another picture is another subject: alone
    assert mounted(app)["more"] == []
    assert shown(app)[0]["picture"]["name"] == SCENE
    alone = dropped(app, ("mine.png", encode(picture(), "PNG")))
    assert (mounted(alone)["more"], shown(alone)[0]["picture"]["name"]) == ([], "mine.png")


def test_a_figure_shows_what_is_on_the_screen_in_each_format():
    evidence, pair = explained(SCENE)
    looked = shown_maps("figure", evidence, pair, ["fish"], "a $x$ <b>.jpg", None, None)
    settings = DEFAULTS | {"rule": "otsu", "boxes": True}
    made = figure_file([("a $x$ <b>.jpg", evidence, looked)], pair, settings, "png")
    wide = figure_file([("a", evidence, looked)] * 2, pair, settings | {"maps": "all", "mode": "difference"}, "png")
    sizes = [Image.open(io.BytesIO(data)).size for data in (made, wide)]
    assert sizes[1][0] > 2.5 * sizes[0][0]  # the picture and five maps, to two
    assert sizes[1][1] > 1.7 * sizes[0][1]
    cuts = looked.cuts(settings)
    assert cuts["cam"] == unpack(looked.payload)[0]["otsu"][0]
    assert rates_at(looked, settings)["w"]["fish"]["threshold"] == cuts["w"][0]


def test_the_bundles_of_several_pictures_stand_in_a_folder_each():
    evidence, pair = explained(SCENE)
    sample, upload = (
        Row(name, "My Fish.png", name, evidence, ["fish"], {"picture": {"name": name}}) for name in (SCENE, "f" * 64)
    )
    settings = DEFAULTS | {"rule": "otsu", "link": "http://here/"}
    with zipfile.ZipFile(io.BytesIO(grid_bundles([sample, upload], pair, settings))) as archive:
        names = set(archive.namelist())
        first, second = (json.loads(archive.read(f"{f}/manifest.json")) for f in ("my_fish_png", "my_fish_png_2"))
        box = json.loads(archive.read("my_fish_png/w/coco.json"))["annotations"]
    assert {"my_fish_png/w/yolo.txt", "my_fish_png_2/cam/voc.xml", "my_fish_png/cam/error_fish.png"} <= names
    assert "my_fish_png_2/cam/error_fish.png" not in names  # whose mask nobody knows
    assert (first["picture"]["name"], second["picture"]["name"]) == (SCENE, "f" * 64)
    assert set(first["mask"]["at_threshold"]) == set(READOUTS)
    assert "mask" not in second
    assert (first["link"], first["rule"], len(box) > 0) == ("http://here/", "otsu", True)


BAD = {
    "empty.jpg": (lambda: b"", "empty (0 bytes)"),
    "text.jpg": (lambda: b"Dear diary, no pixels here.", "got text"),
    "cut.jpg": (lambda: encode(picture(480, 320), "JPEG")[:4000], "damaged or cut short"),
    "bomb.png": (giant_png, "50,000×50,000"),
    "small.png": (lambda: encode(picture(20, 20), "PNG"), "at least 32"),
    "large.bmp": (lambda: encode(picture(), "BMP") + bytes(20 * 2**20), "at most 20"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused_in_one_sentence_and_the_sample_stays(name):
    make, expected = BAD[name]
    app = upload(open_scene(), (name, make()))
    (sentence,) = sentences(app)
    assert name in sentence
    assert expected in sentence
    assert shown(app)[0]["picture"]["name"] == SCENE
    again = ran(app)
    assert sentences(again) == [sentence]  # it stays until the file is taken away


def test_a_name_from_outside_is_shown_letter_by_letter():
    name = "![x](http://example.org/*a*_b_$c$).jpg"
    app = upload(open_scene(), (name, b"text"))
    assert "](" not in app.error[0].value
    assert name.rsplit("/", 1)[1] in sentences(app)[0]


# ---- masks


def masked(app, image, name="mask.png"):
    (uploader,) = [u for u in app.file_uploader if u.key.startswith("mask-")]
    uploader.set_value((name, encode(image, "PNG"), "image/png"))
    return ran(app)


def square(value, width=96, height=64):
    values = np.zeros((height, width), np.uint8)
    values[16:48, 24:72] = value
    return Image.fromarray(values)


@pytest.fixture
def own_picture():
    return upload(open_scene(), ("mine.png", encode(picture(), "PNG")))


def test_a_label_map_is_the_truth_of_every_class(own_picture):
    names = read_header(known_models()["voc"])["classes"]
    own_picture.multiselect[0].set_value([names[4], names[5]])
    ran(own_picture)
    header, blobs = shown(masked(own_picture, square(5)))  # label = class index + 1
    truth = np.frombuffer(blobs["mask"], np.uint8).reshape(2, 64, 96)
    assert truth[0].sum() == 32 * 48
    assert truth[1].sum() == 0
    assert all(view[0] is not None for view in header["quality"]["each"])


def test_a_mask_with_one_label_value_can_be_said_to_mean_the_object(own_picture):
    names = read_header(known_models()["voc"])["classes"]
    own_picture.multiselect[0].set_value([names[4]])
    ran(own_picture)
    app = masked(own_picture, square(1))  # 1 is the first class, which is not shown
    assert np.frombuffer(shown(app)[1]["mask"], np.uint8).sum() == 0
    (meaning,) = [c for c in app.button_group if c.label == "The one value in this mask means"]
    meaning.set_value("object or not")
    assert np.frombuffer(shown(ran(app))[1]["mask"], np.uint8).sum() == 32 * 48


def test_a_black_and_white_mask_is_the_truth_of_the_class_that_is_named(own_picture):
    names = read_header(known_models()["voc"])["classes"]
    own_picture.multiselect[0].set_value([names[4], names[5]])
    ran(own_picture)
    app = masked(own_picture, square(255))
    (which,) = [box for box in app.selectbox if box.label == "Your mask shows"]
    which.set_value(names[5])
    header, blobs = shown(ran(app))
    truth = np.frombuffer(blobs["mask"], np.uint8).reshape(2, 64, 96)
    assert (truth[0] == 255).all()  # nobody knows about the other class
    assert truth[1].sum() == 32 * 48
    assert all(view[0] is None and view[1]["iou"] for view in header["quality"]["each"])


@pytest.mark.parametrize(
    ("image", "expected"), [(square(1, 97), "97×64"), (Image.new("RGB", (96, 64), (200, 10, 10)), "mask.png")]
)
def test_a_mask_that_does_not_fit_is_one_sentence(own_picture, image, expected):
    app = masked(own_picture, image)
    (sentence,) = sentences(app)
    assert expected in sentence
    assert shown(app)[0]["quality"] is None
    assert shown(app)[0]["picture"]["name"] == "mine.png"


# ---- many people, and a list with something wrong on it


def test_two_people_taking_turns_get_what_one_gets(passes):
    alone = [shown(open_page(picture=sample)) for sample in (SCENE, OTHER_SCENE)]
    assert len(passes) == 4
    one, other = open_page(picture=SCENE), open_page(picture=OTHER_SCENE)
    assert [shown(one), shown(other)] == alone
    other.multiselect[0].set_value(["dog"])
    ran(other)
    assert [class_names(ran(one)), class_names(other)] == [[c["name"] for c in alone[0][0]["classes"]], ["dog"]]
    assert len(passes) == 4  # people who ask the same share the work


def test_nobody_sees_the_name_under_which_another_person_has_the_same_file():
    data = encode(picture(), "PNG")
    upload(open_scene(), ("secret-project.png", data))
    assert shown(upload(open_scene(), ("mine.png", data)))[0]["picture"]["name"] == "mine.png"


def test_a_broken_model_in_the_list_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "mine.safetensors").write_bytes(b"no tensors")
    monkeypatch.setenv("RECAM_MODELS", str(tmp_path))
    app = open_scene()
    assert not app.error
    app.selectbox(key="model").set_value("mine")
    ran(app)
    (sentence,) = sentences(app)
    assert "mine.safetensors" in sentence
    app.selectbox(key="model").set_value("scenes")
    assert not ran(app).error


def test_an_empty_list_is_one_sentence(monkeypatch):
    monkeypatch.setattr("ui.widgets.subject.known_models", dict)
    (sentence,) = sentences(open_page())
    assert "There is no model" in sentence


@pytest.mark.parametrize(("picture", "model"), [("scene-fish-boat", "scenes"), ("chelsea", "photos")])
def test_the_card_of_a_bundled_model_says_gains_with_their_intervals_and_shows_the_control(picture, model):
    app = open_page(picture=picture, model=model)
    captions = [caption.value for caption in app.caption]
    assert sum("Measured on" in text for text in captions) >= 2
    assert sum("mean of 3 trainings" in text for text in captions) == 1
    assert sum("no proof of a gain" in text for text in captions) == 1
    tables = [table.value for table in app.dataframe if "over CAM" in table.value.columns]
    assert len(tables) == sum("Measured on" in text for text in captions)
    for table in tables:
        assert list(table["readout"][:5]) == ["CAM", "w", "w′", "w⊕w′", "w⊗w′"]
        assert table["over CAM"][0] == "–"
        assert all(re.fullmatch(r"[+-]\d+\.\d \([+-]\d+\.\d … [+-]\d+\.\d\)", gain) for gain in table["over CAM"][1:])
    assert any("control: λ = 0" in list(table["readout"]) for table in tables)


# ---- maps beside the readouts


def test_methods_stand_beside_the_readouts_and_all_maps_are_refined():
    app = open_scene(size="128", flip="0", methods="layercam@cam,nonsense")
    header, blobs = shown(app)
    assert [view["key"] for view in header["views"]] == [*READOUTS, "layercam@cam"]
    assert header["views"][-1]["label"] == "LayerCAM (stage 1)"
    assert [view["key"] for view in header["views"] if view["asked"]] == ["layercam@cam"]
    assert header["compare"] in READOUTS
    assert query(app)["methods"] == "layercam@cam"
    app.selectbox(key="more-refiner").set_value("pamr")
    app = ran(app)
    assert query(app)["snap"] == "pamr"
    assert shown(app)[1]["maps"] != blobs["maps"]
    next(button for button in app.button if button.label == "Show the steps").click()
    stream = ran(app).session_state["refining-run"].stream
    assert stream.wait(60)
    assert (stream.made, stream.total, stream.state) == (11, 11, "done")
    app.selectbox(key="more-refiner").set_value("")
    app.selectbox(key="more-layer").set_value("blocks.0")
    assert shown(ran(app))[0]["views"][-1]["label"] == "LayerCAM (layer blocks.0, stage 1)"
    app.multiselect(key="more-methods").set_value(["scorecam"])
    app = ran(app)  # it says its cost, and waits
    (cost,) = [button.label for button in app.button if "Score-CAM" in button.label]
    assert cost.startswith("Score-CAM (layer blocks.0, stage 1) runs the network ")
    assert "times for this picture, about" in cost
    assert [view["key"] for view in shown(app)[0]["views"]] == list(READOUTS)
    assert not app.error

"""Files of the reference: which go together, which stage each becomes, and what does not fit. Golden maps are in tests/golden."""

from dataclasses import replace

import pytest
import torch

from recam_core.checkpoints.importers import import_checkpoint, recognise
from recam_core.checkpoints.pair_file import load_pair, save_pair
from recam_core.datasets.class_names import COCO_CLASSES, VOC_CLASSES
from recam_core.networks.model import build_branches, build_edge_network, build_model
from recam_core.networks.pair import build_pair
from recam_core.networks.readouts import READOUTS, recam_readouts
from recam_core.records import CAM, UserError

pytestmark = pytest.mark.slow  # ResNet-50, again and again
NAMES = ("cat", "dog", "tree")


@pytest.fixture(scope="module")
def trunk():
    torch.manual_seed(0)
    return build_model("resnet50_s16", CAM, 2).backbone.trunk.state_dict()


@pytest.fixture(scope="module")
def cam_state(trunk):
    """An official CAM network: every tensor under two of its names."""

    def state(classes=3, seed=0):
        fc1 = torch.rand(classes, 2048, 1, 1, generator=torch.Generator().manual_seed(seed))
        again = {"stage1.0.weight": trunk["conv1.weight"], "backbone.0.0.weight": trunk["conv1.weight"]}
        return (
            {f"resnet50.{k}": v for k, v in trunk.items()}
            | again
            | {"classifier.weight": fc1, "newly_added.0.weight": fc1}
        )

    return state


@pytest.fixture(scope="module")
def irn_state(trunk):
    branches = build_branches(build_edge_network("resnet50_s16")).state_dict()
    more = {
        "edge_layers.5.bias": branches["fc_edge6.bias"],
        "path_indices0": torch.zeros(2, 3),
        "disp_target": torch.zeros(1),
    }
    return {f"resnet50.{k}": v for k, v in trunk.items()} | branches | more


@pytest.fixture(scope="module")
def files(tmp_path_factory, cam_state, irn_state):
    """stage 1, stage 2, FC2 and boundaries as files."""
    folder = tmp_path_factory.mktemp("official")
    fc2 = {"classifier.weight": torch.rand(3, 2048, 1, 1)}
    for name, state in {"cam": cam_state(), "recam": cam_state(seed=1), "fc2": fc2, "irn": irn_state}.items():
        torch.save(state, folder / f"{name}.pth")
    return {path.stem: path for path in folder.iterdir()}


def test_every_file_is_recognised(files):
    result = {name: recognise(path) for name, path in files.items()}
    assert {name: (r.kind, r.backbone, r.classes) for name, r in result.items()} == {
        "cam": ("cam", "resnet50_s16", 3), "recam": ("cam", "resnet50_s16", 3),
        "fc2": ("recam-predictor", "", 3), "irn": ("irn", "resnet50_s16", 0),
    }  # fmt: skip


def test_all_four_files_make_a_whole_model_that_is_stored_and_comes_back(files, tmp_path):
    pair = import_checkpoint([files[name] for name in ("cam", "recam", "fc2", "irn")], "whole", class_names=NAMES)
    assert pair.readouts == tuple(READOUTS)
    assert pair.cam is not pair.recam
    first, second, fc2 = (torch.load(files[n])["classifier.weight"].flatten(1) for n in ("cam", "recam", "fc2"))
    assert torch.equal(pair.cam.class_weights(CAM), first)
    assert torch.equal(pair.recam.class_weights("w"), second)
    assert torch.equal(pair.recam.class_weights("wprime"), fc2)
    assert [f["kind"] for f in pair.card["imported"]["files"]] == ["cam", "cam", "recam-predictor", "irn"]
    assert pair.card["boundary"] == {"imported": "irn.pth"}
    assert not any(p.requires_grad for model in (*pair.networks, pair.edges, pair.boundary) for p in model.parameters())
    save_pair(pair, tmp_path / "whole.safetensors", torch.float16)
    loaded = load_pair(tmp_path / "whole.safetensors")
    assert (loaded.readouts, loaded.classes, loaded.edge_backbone) == (tuple(READOUTS), NAMES, "resnet50_s16")
    assert loaded.boundary is not None


def test_a_network_alone_and_fc2_onto_it_later(files, tmp_path):
    alone = import_checkpoint([files["cam"]], "alone", class_names=NAMES)
    assert (alone.readouts, alone.backbone) == ((CAM,), "resnet50_s16")
    save_pair(alone, tmp_path / "alone.safetensors", torch.float16)
    whole = import_checkpoint([files["recam"], files["fc2"]], "whole", onto=tmp_path / "alone.safetensors")
    assert (whole.readouts, whole.classes) == (tuple(READOUTS), NAMES)
    assert torch.equal(whole.cam.class_weights(CAM), alone.cam.class_weights(CAM).half().float())
    assert whole.card["imported"]["onto"]["name"] == "alone"


def test_stage_1_onto_a_model_that_has_recam_alone(files, tmp_path):
    recam = import_checkpoint([files["recam"], files["fc2"]], "recam", class_names=NAMES)
    assert recam.readouts == recam_readouts()
    save_pair(recam, tmp_path / "recam.safetensors", torch.float16)
    whole = import_checkpoint([files["cam"]], "whole", onto=tmp_path / "recam.safetensors")
    assert whole.readouts == tuple(READOUTS)
    with pytest.raises(UserError, match=r"recam has a second stage already; import recam\.pth without --onto"):
        import_checkpoint([files["recam"], files["fc2"]], "again", onto=tmp_path / "recam.safetensors")


@pytest.mark.parametrize(("names", "onto", "reason"), [
    (["fc2"], "", r"fc2\.pth is FC2 alone"), (["fc2"], "scenes", r"fc2\.pth is FC2 alone"),
    (["irn"], "", "An IRN network makes boundaries and no heatmaps: .*--onto MODEL"),
    (["cam", "recam"], "", r"recam\.pth is a second network, but its FC2 .* is missing"),
    (["cam", "recam", "cam"], "", "These 3 files do not make one model.*What goes together"),
    (["cam", "fc2", "fc2"], "", "These 3 files do not make one model"),
    (["cam"], "scenes", r"cam\.pth \(resnet50_s16, 3 classes\) does not fit the model scenes \(tiny, 8 classes\)"),
    (["cam", "recam", "fc2"], "scenes", "are a whole model; import them without --onto scenes"),
])  # fmt: skip
def test_files_that_make_no_model_are_refused_with_what_is_missing(files, names, onto, reason):
    with pytest.raises(UserError, match=reason):
        import_checkpoint([files[name] for name in names], "bad", class_names=NAMES, onto=onto)


def test_no_file_is_refused():
    with pytest.raises(UserError, match="at least one file"):
        import_checkpoint([], "nothing")


def test_boundaries_stay_on_the_network_that_they_were_trained_on(files, tmp_path):
    alone = import_checkpoint([files["cam"]], "alone", class_names=NAMES)
    edged = replace(alone, boundary=build_branches(alone.edges).requires_grad_(False))
    save_pair(edged, tmp_path / "edged.safetensors", torch.float16)
    whole = import_checkpoint([files["recam"], files["fc2"]], "whole", onto=tmp_path / "edged.safetensors")
    assert whole.edge_backbone == "resnet50_s16"
    before, after = alone.cam.backbone.state_dict(), whole.edges.backbone.state_dict()
    assert all(torch.equal(before[name].half(), after[name].half()) for name in before)


@pytest.mark.parametrize(("classes", "names"), [(20, VOC_CLASSES), (80, COCO_CLASSES)])
def test_twenty_classes_are_voc_and_eighty_coco(saved, cam_state, classes, names):
    assert import_checkpoint([saved(cam_state(classes))], "official").classes == names


def test_other_numbers_of_classes_are_asked(files):
    with pytest.raises(UserError, match="tells 3 classes apart and does not say which"):
        import_checkpoint([files["cam"]], "bad")


def test_faults_of_official_files_are_named(saved, cam_state, irn_state):
    cam = cam_state()
    del cam["resnet50.layer4.2.conv3.weight"]
    with pytest.raises(
        UserError,
        match=r"CAM network of the reference.*but does not fit: backbone\.trunk\.layer4\.2\.conv3\.weight is missing",
    ):
        import_checkpoint([saved(cam)], "bad", class_names=NAMES)
    irn = irn_state | {"fc_edge6.bias": torch.zeros(7), "fc_dp9.weight": torch.zeros(1)}
    with pytest.raises(
        UserError, match=r"IRN network.*fc_dp9\.weight is not expected; fc_edge6\.bias is \(7,\), expected \(1,\)"
    ):
        import_checkpoint([saved(irn)], "bad", onto="scenes")


def test_fc2_of_another_model_is_named(files, saved):
    with pytest.raises(UserError, match=r"head\.fc2 is \(5, 2048\), expected \(3, 2048\)"):
        import_checkpoint(
            [files["recam"], saved({"classifier.weight": torch.zeros(5, 2048)})], "bad", class_names=NAMES
        )


def test_a_pair_of_this_project_is_taken_whole_and_alone(tmp_path, files):
    torch.manual_seed(0)
    pair = build_pair("mine", "tiny", NAMES, {"about": "mine"})
    save_pair(pair, tmp_path / "mine.safetensors")
    result = recognise(tmp_path / "mine.safetensors")
    assert (result.kind, result.backbone, result.classes) == ("pair", "tiny", 3)
    taken = import_checkpoint([tmp_path / "mine.safetensors"], "theirs")
    assert (taken.name, taken.classes, taken.card) == ("theirs", NAMES, {"about": "mine"})
    for more in ({"class_names": NAMES}, {"activation": "softmax"}, {"backbone": "resnet18_s16"}):
        with pytest.raises(UserError, match=r"mine\.safetensors is a model of this project and says itself"):
            import_checkpoint([tmp_path / "mine.safetensors"], "theirs", **more)
    for paths, onto in (
        ([tmp_path / "mine.safetensors", files["irn"]], ""),
        ([tmp_path / "mine.safetensors"], "scenes"),
    ):
        with pytest.raises(UserError, match="import it alone"):
            import_checkpoint(paths, "theirs", onto=onto)

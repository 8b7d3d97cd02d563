"""``import --timm`` and ``--torchvision``: any classifier of a library by its name, in whatever a file wraps it, or fetched."""

import urllib.error

import huggingface_hub
import numpy as np
import pytest
import timm
import torch
from PIL import Image
from torchvision.models import get_model_weights, regnet_y_400mf

from recam_core.__main__ import main
from recam_core.cam.methods.results import method_results
from recam_core.cam.pipeline import gather_evidence, read_out
from recam_core.checkpoints.importers import CLASS_LISTS, import_checkpoint, recognise
from recam_core.checkpoints.pair_file import load_pair, save_pair
from recam_core.networks.backbones import libraries
from recam_core.records import HeatmapOptions, UserError

NAMES = ("cat", "dog", "tree")
BACKBONE = "timm:convnext_atto"  # with a norm between pooling and classifier
PICTURE = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("RECAM_MODELS", str(tmp_path / "models"))


@pytest.fixture(scope="module")
def theirs():
    torch.manual_seed(0)
    return timm.create_model("convnext_atto", num_classes=3).eval()


def imported(path, **how):
    return import_checkpoint([path], "mine", class_names=NAMES, activation="softmax", **{"backbone": BACKBONE} | how)


def test_probabilities_are_the_librarys_own(saved, theirs, tmp_path):
    pair = imported(saved(theirs.state_dict()))
    assert (pair.backbone, pair.readouts) == (BACKBONE, ("cam",))
    assert pair.card["imported"]["input"].startswith("short side 256 px (bicubic), the middle 224 × 224 px")
    save_pair(pair, tmp_path / "mine.safetensors")
    pair = load_pair(tmp_path / "mine.safetensors")
    own_input = timm.data.create_transform(**timm.data.resolve_model_data_config(theirs))
    with torch.inference_mode():
        x = own_input(Image.fromarray(PICTURE))[None]
        wanted = theirs(x).softmax(dim=1)[0]
        ours = pair.cam.head.probabilities(pair.cam.scores(pair.cam.features(x)))[0]
        plain = theirs(pair.cam.preprocess(PICTURE)).softmax(dim=1)[0].numpy()
    torch.testing.assert_close(ours, wanted, rtol=0, atol=1e-4)
    evidence = gather_evidence(PICTURE, pair.folded(), HeatmapOptions(flip=False))
    np.testing.assert_allclose(evidence.scores, plain, atol=1e-4)
    odd = gather_evidence(PICTURE[:61, :97], pair, HeatmapOptions(flip=False))
    assert odd.scale_maps["cam"][0].shape == (3, 2, 4)
    assert read_out(odd, "cam", NAMES[:1]).raw.shape == (1, 61, 97)


@pytest.mark.parametrize("before", ["module.", "model.net.", "_orig_mod.module.", "student.backbone.", "encoder."])
def test_what_stands_before_names_is_taken_off(saved, theirs, before):
    result = recognise(saved({f"{before}{n}": v for n, v in theirs.state_dict().items()}), backbone=BACKBONE)
    assert (result.kind, result.backbone, result.classes) == ("classifier", BACKBONE, 3)
    assert "a timm classifier: convnext_atto, 3 classes" in result.words


def test_of_weights_and_their_average_it_says_which_it_took(saved, theirs):
    state = theirs.state_dict()
    path = saved({"state_dict": state, "state_dict_ema": {n: v + 1 for n, v in state.items()}})
    result = recognise(path, backbone=BACKBONE)
    assert result.both
    assert (
        "its moving average (state_dict_ema) are taken, and --no-average takes its raw weights (state_dict)"
        in result.words
    )
    torch.testing.assert_close(imported(path, average=False).cam.head.fc1, state["head.fc.weight"])
    torch.testing.assert_close(imported(path).cam.head.fc1, state["head.fc.weight"] + 1)


def test_a_head_with_dropout_is_one_layer_and_two_are_for_gradient_methods(saved, theirs, tmp_path):
    state = theirs.state_dict()
    head = {n: state.pop(n) for n in ("head.fc.weight", "head.fc.bias")}
    one = state | {"head.fc.1.weight": head["head.fc.weight"], "head.fc.1.bias": head["head.fc.bias"]}
    torch.testing.assert_close(imported(saved(one)).cam.head.fc1, head["head.fc.weight"])
    hidden, last = torch.nn.Linear(320, 7), torch.nn.Linear(7, 3)
    two = {
        f"head.fc.{at}.{n}": v.detach() for at, layer in ((1, hidden), (4, last)) for n, v in layer.named_parameters()
    }
    result = recognise(saved(state | two), backbone=BACKBONE)
    assert "two linear layers (head.fc.1, head.fc.4), so CAM does not apply and gradient methods do" in result.words
    save_pair(imported(saved(state | two)), tmp_path / "two.safetensors")
    pair = load_pair(tmp_path / "two.safetensors")
    assert pair.readouts == ()
    with torch.inference_mode():
        x = torch.rand(1, 3, 64, 96)
        wanted = last(hidden(theirs.forward_head(theirs.forward_features(x), pre_logits=True)).relu())
        torch.testing.assert_close(pair.cam.scores(pair.cam.features(x)), wanted, atol=1e-4, rtol=1e-4)
    evidence = gather_evidence(PICTURE[:61, :97], pair.folded(), HeatmapOptions())
    for made in method_results(evidence, pair.folded(), ["gradcampp", "layercam"], NAMES[:1]):
        assert made.raw.shape == (1, 61, 97)
        assert made.raw.max() > 0
    with pytest.raises(UserError, match=r"has 2 linear layers .* \(head\.fc\.1, head\.fc\.4\).*take two that follow"):
        recognise(saved(one | {"head.fc.4.weight": torch.zeros(3, 5)}), backbone=BACKBONE)
    with pytest.raises(UserError, match=r"without its classifier: expected head\.fc\.weight"):
        recognise(saved(state), backbone=BACKBONE)


def test_another_network_or_number_of_classes_is_a_sentence(saved, theirs):
    path = saved(theirs.state_dict())
    with pytest.raises(
        UserError, match=r"file\.pth does not hold torchvision's regnet_y_400mf: it has no .*first tensors"
    ):
        imported(path, backbone="torchvision:regnet_y_400mf")
    with pytest.raises(UserError, match="tells 3 classes apart, and 2 class names were given"):
        import_checkpoint([path], "m", class_names=NAMES[:2], backbone=BACKBONE, activation="softmax")
    wider = timm.create_model("convnext_femto", num_classes=3).state_dict()
    with pytest.raises(UserError, match=r"looks like .*convnext_atto, 3 classes, but does not fit: .* expected "):
        imported(saved(wider))


def test_a_header_that_names_a_larger_network_is_refused_before_it_is_built(saved, theirs, tmp_path):
    pair = imported(saved(theirs.state_dict()))
    path = tmp_path / "mine.safetensors"
    save_pair(pair, path)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"timm:convnext_atto", b"timm:convnext_huge"))
    with pytest.raises(UserError, match=r"no image classifier|numbers, and timm:convnext_huge has more"):
        load_pair(path)


def published(monkeypatch):
    """Let torchvision have random weights of RegNet as its published ones; how often they were asked for."""
    torch.manual_seed(0)
    net, asked = regnet_y_400mf().eval(), []
    kind = type(get_model_weights("regnet_y_400mf")["DEFAULT"])
    monkeypatch.setattr(kind, "get_state_dict", lambda *_, **__: asked.append(1) or net.state_dict())
    monkeypatch.setattr(libraries, "check_reachable", lambda address: None)
    return net, asked


def test_published_weights_are_fetched_with_their_names(monkeypatch, capsys):
    net, asked = published(monkeypatch)
    assert main(["import", "--torchvision", "regnet_y_400mf", "--name", "reg"]) == 0
    output = capsys.readouterr().out
    assert "1000 classes, torchvision:regnet_y_400mf, readouts cam" in output
    assert "trained on: short side 232 px (bilinear), the middle 224 × 224 px, mean 0.485" in output
    pair = load_pair("reg")
    assert (pair.classes, pair.cam.head.activation, len(asked)) == (CLASS_LISTS["ImageNet"](), "softmax", 1)
    torch.testing.assert_close(pair.cam.head.fc1, net.fc.weight)


@pytest.mark.parametrize("name", ["timm:resnet18", "torchvision:resnet18"])
def test_without_a_network_no_library_goes_on_trying(name, tmp_path, monkeypatch):
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: None)
    monkeypatch.setattr(libraries.torch.hub, "get_dir", lambda: str(tmp_path))
    asked = []

    def offline(request, timeout):
        asked.append((request.get_method(), timeout))
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr("urllib.request.urlopen", offline)
    with pytest.raises(
        UserError, match=r"could not be fetched \(.*not known.*Give a file that you downloaded, or go online"
    ):
        libraries.fetch_classifier(libraries.parse_name(name))
    assert asked == [("HEAD", libraries.PATIENCE)]


def test_the_command_says_what_a_finer_stride_does_and_refuses_in_sentences(saved, monkeypatch, tmp_path, capsys):
    def run(*arguments):
        code = main(["import", *map(str, arguments)])
        return code, "".join(capsys.readouterr())

    torch.manual_seed(0)
    path = saved(timm.create_model("resnet18", num_classes=3).state_dict())
    (tmp_path / "names.txt").write_text("cat\ndog\ntree\n", "utf-8")
    own = ["--name", "fine", "--classes", tmp_path / "names.txt", "--activation", "softmax"]
    code, output = run("--weights", path, "--timm", "resnet18@16", *own)
    assert code == 0
    assert "probabilities are not the library's own, which timm:resnet18 gives" in output

    monkeypatch.setattr(timm, "create_model", lambda *_, **__: (_ for _ in ()).throw(OSError("cut off")))
    monkeypatch.setattr(libraries, "check_reachable", lambda address: None)
    for arguments, words in (
        (["--timm", "resnet19", "--name", "a"], "no image classifier 'resnet19'; near names: "),
        (["--timm", "resnet18@16", "--name", "a"], "weights of timm:resnet18@16 could not be fetched (cut off)"),
        (["--torchvision", "squeezenet1_1", "--name", "a"], "torchvision:squeezenet1_1 is no single linear layer"),
        (["--timm", "resnet18", "--torchvision", "resnet18", "--name", "a"], "name the architecture twice"),
        (["--name", "a"], "Name at least one file to import, or a classifier"),
    ):
        code, output = run(*arguments)
        assert code == 2
        assert words in output
        assert "Traceback" not in output

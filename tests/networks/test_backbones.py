"""The contract of every backbone in the registry, the ResNets' cuts, and weights files that are not to be trusted."""

import email.message
import hashlib
import io
from http.client import IncompleteRead
from urllib.error import URLError

import pytest
import timm
import torch
import torchvision
from hostile import Hostile
from safetensors.torch import save_file
from skimage import data
from torch import nn
from torchvision.models import EfficientNet_B0_Weights

from recam_core.networks.backbones import BACKBONES
from recam_core.networks.backbones.efficientnet import imagenet_tensors
from recam_core.networks.backbones.resnet import ResNet, build_resnet
from recam_core.networks.model import build_model
from recam_core.records import UserError
from recam_core.system.tensor_files import read_tensors

LITES = ("efficientnet_lite0", "efficientnet_lite0_relu")
CHANNELS = {"tiny": 128, "resnet18_s16": 512, "resnet50_s8": 2048, "resnet101_s16": 2048} | dict.fromkeys(LITES, 1280)


@pytest.fixture(scope="module")
def photo_model():
    """EfficientNet-Lite0 with ImageNet's own trunk and, as FC1, its centred ImageNet classifier."""
    model = build_model("efficientnet_lite0", "cam", 1000, "imagenet")
    rows = imagenet_tensors()["classifier.weight"]
    model.head.load_state_dict({"fc1": rows - rows.mean(dim=0)})
    return model


@pytest.mark.parametrize("name", BACKBONES)
def test_every_backbone_keeps_its_contract(name):
    with torch.device("meta"):  # shapes alone: no weights are drawn, nothing is multiplied
        net = BACKBONES[name].build("none").eval()
        features = net(torch.zeros(1, 3, 64, 96))
    stride = BACKBONES[name].stride
    assert net.channels == CHANNELS.get(name, net.channels)
    assert features.shape == (1, net.channels, 64 // stride, 96 // stride)
    assert len(net.mean) == len(net.std) == 3
    assert all(0 < value < 1 for value in (*net.mean, *net.std))
    assert all(isinstance(part, nn.Module) for part in net.frozen)
    own = [p for part in net.parts for p in part.parameters()]
    assert [id(p) for p in own] == [id(p) for p in net.parameters()]  # from the stem on, each once


def test_a_coarser_stride_sees_the_same_at_the_positions_that_both_have():
    torch.manual_seed(0)
    net, x = BACKBONES["efficientnet_lite0"].build("imagenet").eval(), torch.rand(1, 3, 512, 512)
    with torch.inference_mode():
        fine = net(x)
        with net.at_stride(32):
            coarse = net(x)
        torch.testing.assert_close(net(x), fine)  # nothing is left behind
    assert coarse.shape[2:] == (16, 16)
    torch.testing.assert_close(coarse, fine[:, :, ::2, ::2], atol=1e-4, rtol=1e-4)


def test_features_that_are_not_capped_differ_only_where_a_cap_is_reached():
    capped, free = (BACKBONES[name].build("imagenet").eval() for name in LITES)
    photo = torch.from_numpy(data.chelsea().transpose(2, 0, 1).copy())[None] / 127.5 - 1
    with torch.inference_mode():
        assert capped(photo).max() == 6
        assert free(photo).max() > 6
        quiet = torch.full((1, 192, 4, 4), 1e-3)
        torch.testing.assert_close(free.last_block(quiet), capped.last_block(quiet))


@pytest.mark.parametrize("name", ["tiny", "efficientnet_lite0", "resnet18_s16", "resnet18_s8"])
def test_the_last_block_after_the_rest_is_the_whole(name):
    torch.manual_seed(0)
    net, x = BACKBONES[name].build("none").eval(), torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(net.last_block(net.before_last(x)), net(x))
    own = {id(p) for p in net.parameters()}
    assert all(id(p) in own for p in net.last_block.parameters())  # shared, not a copy


@pytest.mark.parametrize("name", BACKBONES)
@pytest.mark.parametrize("size", [(64, 96), (61, 83)])
def test_stages_begin_at_a_quarter_and_never_get_finer(name, size):
    with torch.device("meta"):
        net = BACKBONES[name].build("none").eval()
        stages = net.stages(torch.zeros(1, 3, *size))
    assert tuple(stage.shape[1] for stage in stages) == net.stage_channels
    assert tuple(stages[0].shape[2:]) == tuple((side - 1) // 4 + 1 for side in size)
    assert net.stage_strides[0] == 4
    assert net.stage_strides[-1] == BACKBONES[name].stride
    assert all(stride % 4 == 0 for stride in net.stage_strides)
    for stage, stride in zip(stages, net.stage_strides, strict=True):
        assert tuple(stage.shape[2:]) == tuple((side - 1) // stride + 1 for side in size)
    assert list(net.stage_strides) == sorted(net.stage_strides)


@pytest.mark.parametrize("name", ["tiny", "efficientnet_lite0", "resnet18_s16", "resnet18_s8"])
def test_the_last_stage_is_what_forward_returns(name):
    net = BACKBONES[name].build("none").eval()
    x = torch.randn(2, 3, 61, 83, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.equal(net.stages(x)[-1], net(x))


@pytest.mark.parametrize("name", ["tiny", "efficientnet_lite0", "resnet18_s16"])
def test_features_are_never_negative(name):
    net = BACKBONES[name].build("none").eval()
    with torch.inference_mode():
        features = net(torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)))
    assert (features >= 0).all()
    assert features.std() > 0


@pytest.mark.parametrize("name", BACKBONES)
def test_every_backbone_refuses_weights_it_does_not_have(name):
    with torch.device("meta"), pytest.raises(UserError, match=r"no-such-file\.pth"):
        BACKBONES[name].build("no-such-file.pth")


def spatial_convolutions(layer):
    return [[m for m in block.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)] for block in layer]


def test_stride_16_has_no_dilation():
    with torch.device("meta"):
        trunk = ResNet("resnet50", 16).trunk
    convolutions = [m for m in trunk.modules() if isinstance(m, nn.Conv2d)]
    assert all(conv.dilation == (1, 1) for conv in convolutions)
    assert all(conv.stride == (1, 1) for conv in trunk.layer4.modules() if isinstance(conv, nn.Conv2d))


def test_stride_8_dilates_all_blocks_but_the_first():
    with torch.device("meta"):
        trunk = ResNet("resnet18", 8).trunk
    for layer in (trunk.layer3, trunk.layer4):
        first, *others = spatial_convolutions(layer)
        assert {conv.dilation for conv in first} == {(1, 1)}
        assert {(c.dilation, c.padding) for block in others for c in block} == {((2, 2), (2, 2))}
    assert {conv.dilation for block in spatial_convolutions(trunk.layer2) for conv in block} == {(1, 1)}


def test_other_strides_are_refused():
    with pytest.raises(UserError, match="16 or 8; got 32"):
        ResNet("resnet18", 32)


@pytest.mark.process
def test_a_hostile_weights_file_is_refused_and_nothing_runs(tmp_path):
    path, marker = tmp_path / "weights.pth", tmp_path / "marker"
    torch.save({"conv1.weight": Hostile(marker)}, path)
    with pytest.raises(UserError, match=r"weights\.pth wants to run code .*\.mkdir.*nothing of it was run"):
        read_tensors(str(path))
    assert not marker.exists()
    torch.load(path, weights_only=False)
    assert marker.exists()  # the file would have done it


@pytest.mark.usefixtures("read_here")
@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
def test_missing_and_garbage_weights_files(tmp_path, name):
    path = tmp_path / name
    with pytest.raises(UserError, match="no weights file at"):
        read_tensors(str(path))
    path.write_bytes(b"\x00garbage" * 20)
    with pytest.raises(UserError, match=r"could not be read as a weights file|not a readable safetensors file"):
        read_tensors(str(path))


@pytest.mark.usefixtures("read_here")
@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
def test_a_local_weights_file_is_loaded_whole(tmp_path, name):
    state = ResNet("resnet18", 16).trunk.state_dict()
    path = tmp_path / name
    (save_file if name.endswith("safetensors") else torch.save)(state, path)
    loaded = build_resnet("resnet18", 16, str(path)).trunk.state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in state.items())


def changed_state(change):
    state = dict(ResNet("resnet18", 16).trunk.state_dict())
    change(state)
    return state


@pytest.mark.usefixtures("read_here")
@pytest.mark.parametrize("change", [
    pytest.param(lambda s: s.pop("layer3.0.conv1.weight"), id="missing"),
    pytest.param(lambda s: s.update({"layer3.0.conv1.weight": torch.zeros(2, 2)}), id="shape"),
    pytest.param(lambda s: s.update({"layer3.0.conv3.weight": torch.zeros(2, 2)}), id="of a deeper network"),
])  # fmt: skip
def test_weights_of_another_network_are_refused_by_name(tmp_path, change):
    path = tmp_path / "weights.pth"
    torch.save(changed_state(change), path)
    with pytest.raises(UserError, match=r"layer3\.0\.conv"):
        build_resnet("resnet18", 16, str(path))


@pytest.mark.usefixtures("read_here")
def test_a_weights_file_without_a_dictionary_is_refused(tmp_path):
    path = tmp_path / "weights.pth"
    torch.save([torch.zeros(2)], path)
    with pytest.raises(UserError, match=r"weights\.pth"):
        build_resnet("resnet18", 16, str(path))


def test_an_imagenet_trunk_and_classifier_name_the_cat(photo_model):
    names = EfficientNet_B0_Weights.IMAGENET1K_V1.meta["categories"]
    with torch.inference_mode():
        scores = photo_model.scores(photo_model.features(photo_model.preprocess(data.chelsea())))[0]
    best = [names[i] for i in scores.topk(3).indices]
    assert best[0] in ("tabby", "tiger cat", "Egyptian cat")
    assert set(best) <= {"tabby", "tiger cat", "Egyptian cat", "lynx", "Persian cat", "Siamese cat"}


def test_imagenet_tensors_carry_the_names_of_the_trunk(photo_model):
    stored = imagenet_tensors()
    trunk = photo_model.backbone.trunk.state_dict()
    for name, value in trunk.items():
        if not name.endswith("num_batches_tracked"):
            assert torch.equal(value.contiguous(), stored[name]), name


class Answer:
    """What a server sends, in pieces; ``breaks`` ends it in the middle."""

    def __init__(self, data, breaks=False):
        self.pieces, self.breaks = [data[:1000], data[1000:]], breaks

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False

    def info(self):
        return email.message.Message()

    def read(self, _):
        if self.breaks and len(self.pieces) == 1:
            raise IncompleteRead(b"", 99)
        return self.pieces.pop(0) if self.pieces else b""


@pytest.fixture
def served(tmp_path, monkeypatch):
    """Answer every download with given bytes; returns the folder that torch keeps downloads in."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))

    def serve(answer):
        def urlopen(_):
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr("torch.hub.urlopen", urlopen)
        return tmp_path / "torch"

    return serve


@pytest.mark.parametrize(("answer", "reason"), [
    pytest.param(lambda: URLError("no route"), "no route", id="offline"),
    pytest.param(lambda: Answer(b"half of it" * 999, breaks=True), "IncompleteRead", id="broken off"),
    pytest.param(lambda: Answer(b"an error page" * 999), "invalid hash value", id="not what was asked for"),
])  # fmt: skip
def test_weights_that_cannot_be_fetched_leave_a_sentence_and_no_file(served, answer, reason, capsys):
    folder = served(answer())
    with pytest.raises(
        UserError, match=rf"weights of resnet18 could not be fetched \(.*{reason}.*resnet18-.*pth as --weights PATH"
    ):
        build_resnet("resnet18", 16, "imagenet")
    assert not [path for path in folder.rglob("*") if path.is_file()]
    assert capsys.readouterr().out == ""  # where commands write events


def test_weights_that_were_fetched_are_checked_and_kept(served, monkeypatch):
    state = torchvision.models.resnet18().state_dict()
    stream = io.BytesIO()
    torch.save(state, stream)
    digest = hashlib.sha256(stream.getvalue()).hexdigest()[:8]
    enum = torchvision.models.get_model_weights("resnet18")["IMAGENET1K_V1"]
    monkeypatch.setattr(type(enum), "url", f"https://example.org/resnet18-{digest}.pth")
    folder = served(Answer(stream.getvalue()))
    for _ in range(2):  # the second time from the disk: the answer is used up
        loaded = build_resnet("resnet18", 16, "imagenet").trunk.state_dict()
        assert all(torch.equal(loaded[name], state[name]) for name in loaded)
    assert [path.name for path in folder.rglob("*.pth")] == [f"resnet18-{digest}.pth"]


def test_lite0_is_timms_network_tensor_by_tensor():
    theirs = timm.create_model("tf_efficientnet_lite0", pretrained=False, output_stride=16, num_classes=0).eval()
    ours = BACKBONES["efficientnet_lite0"].build("imagenet").eval()
    assert list(ours.trunk.state_dict()) == list(theirs.state_dict())
    theirs.load_state_dict(ours.trunk.state_dict())
    for size in ((96, 128), (101, 149)):
        x = torch.rand(1, 3, *size)
        with torch.inference_mode():
            assert torch.equal(ours(x), theirs.forward_features(x))

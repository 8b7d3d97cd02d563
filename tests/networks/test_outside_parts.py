"""A head and a backbone that somebody adds from outside: trained a step, saved, loaded, read out."""

import numpy as np
import pytest
import torch
from torch import nn

from recam_core.cam.explanation import explain
from recam_core.checkpoints.pair_file import load_pair, read_header, save_pair, stored_readouts
from recam_core.networks.backbones import BACKBONES, BackboneRow, adapted_row
from recam_core.networks.backbones.adapted import anatomy_of
from recam_core.networks.backbones.fixed_stride import FixedStride
from recam_core.networks.heads import HEADS
from recam_core.networks.losses import class_scores, multilabel_loss, probabilities
from recam_core.networks.model import build_branches
from recam_core.networks.pair import build_pair
from recam_core.records import HeatmapOptions, TrainConfig, UserError
from recam_core.training.optimizer import build_optimizer
from recam_core.training.run import Losses
from ui.models.words import backbone_words
from ui.train.words import backbone

CLASSES = ("cat", "dog", "tree")
PICTURE = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)


class OneHead(nn.Module):
    """A second stage without FC2: what is left of ReCAM's when SCE is taken away."""

    network = "recam"
    classifiers = ("w",)

    def __init__(self, channels, classes, bias=False, activation="sigmoid"):
        super().__init__()
        self.activation = activation
        self.rows = nn.Parameter(torch.randn(classes, channels) / channels)
        self.spare = nn.Parameter(torch.zeros(classes))

    @property
    def settings(self):
        return {"bias": False, "activation": self.activation}

    @property
    def weights(self):
        return {"w": self.rows}

    @property
    def bias(self):
        return None

    def scores(self, features):
        return class_scores(features, self.rows)

    def probabilities(self, logits):
        return probabilities(logits, self.activation)

    def loss(self, features, labels):
        bce = multilabel_loss(self.scores(features), labels)
        return bce, bce, bce.new_zeros(())

    def groups(self):
        return {"fc1": [self.rows, self.spare]}

    def idle(self, labelled=False):
        return [self.spare]

    def continued(self, state, start):
        return {"rows": state["fc1"], "spare": self.spare.detach()}


class Toy(FixedStride, nn.Module):
    """Two convolutions."""

    channels = 6
    mean, std = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)
    stage_channels, stage_strides = (4, 6), (4, 4)

    def __init__(self):
        super().__init__()
        self.stem, self.last_block = nn.Conv2d(3, 4, 5, 4, 2), nn.Conv2d(4, 6, 3, 1, 1)
        self.frozen = (self.stem,)
        self.parts = (self.stem, self.last_block)

    def before_last(self, x):
        return self.stem(x).relu()

    def forward(self, x):
        return self.last_block(self.before_last(x))

    def stages(self, x):
        first = self.before_last(x)
        return first, self.last_block(first)


@pytest.fixture
def pair(monkeypatch):
    monkeypatch.setitem(HEADS, "one", OneHead)
    monkeypatch.setitem(BACKBONES, "toy", BackboneRow(lambda weights="none": Toy(), "Toy", "for a test", 4, ("none",)))
    torch.manual_seed(0)
    return build_pair("outside", "toy", CLASSES, {}, heads={"recam": {"head": "one"}})


def test_it_learns_a_step(pair):
    pair.recam.train()
    pair.recam.load_state_dict(
        pair.recam.state_dict()
        | {f"head.{k}": v for k, v in pair.recam.head.continued(pair.cam.head.state_dict(), "fc1").items()}
    )
    before = {name: value.clone() for name, value in pair.recam.state_dict().items()}
    optimizer = build_optimizer(pair.recam, TrainConfig(optimizer="adamw", stage2_fc1_rate=0.1), stage=2)
    assert [len(group["params"]) for group in optimizer.param_groups] == [2, 2]  # the stem is frozen
    pixels = torch.from_numpy(PICTURE.transpose(2, 0, 1).copy())[None]
    loss, _, _ = Losses(pair.recam, torch.float32, others=True)(pixels, torch.ones(1, 1, 40, 56), torch.eye(3)[:1])
    loss.backward()
    assert all(
        p.grad is not None for p in pair.recam.head.parameters()
    )  # also what is idle: other processes wait for it
    optimizer.step()
    changed = {name for name, value in pair.recam.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"head.rows", "backbone.last_block.weight", "backbone.last_block.bias"}


def test_it_is_saved_loaded_and_read_out(pair, tmp_path):
    save_pair(pair, tmp_path / "outside.safetensors")
    header = read_header(tmp_path / "outside.safetensors")
    assert header["heads"]["recam"] == {"bias": False, "activation": "sigmoid", "head": "one"}
    assert stored_readouts(header) == ("cam", "w")
    loaded = load_pair(tmp_path / "outside.safetensors")
    assert loaded.readouts == pair.readouts == ("cam", "w")
    options = HeatmapOptions(long_side=64)
    mine, theirs = (explain(PICTURE, one.folded(), CLASSES, options=options) for one in (pair, loaded))
    for name in ("cam", "w"):
        np.testing.assert_allclose(mine[name].raw, theirs[name].raw, atol=1e-5)
    with pytest.raises(UserError, match="its head lacks a classifier, so w′ cannot be read out"):
        explain(PICTURE, loaded, readouts=["wprime"])


def test_boundary_branches_fit_its_stages(pair):
    with torch.no_grad():
        edges = build_branches(pair.recam).edges(pair.recam.stages(pair.recam.preprocess(PICTURE)))
    assert edges.shape == (1, 1, 10, 14)


def test_a_file_whose_head_is_not_there_is_refused(pair, tmp_path, monkeypatch):
    save_pair(pair, tmp_path / "outside.safetensors")
    monkeypatch.delitem(HEADS, "one")
    with pytest.raises(UserError, match="no usable readouts or heads"):
        read_header(tmp_path / "outside.safetensors")


def test_a_library_s_classifier_has_a_name_of_its_own_by_a_row(monkeypatch, tmp_path):
    row = adapted_row("timm:resnet34", "ResNet-34", "between 18 and 50", 32)
    monkeypatch.setitem(BACKBONES, "resnet34", row)
    pair = build_pair("outside", "resnet34", CLASSES)
    save_pair(pair, tmp_path / "outside.safetensors", torch.float16)
    anatomy_of.cache_clear()  # as in a new process, which knows it by the file alone
    loaded = load_pair(tmp_path / "outside.safetensors")
    with torch.no_grad():
        features = loaded.cam.features(loaded.cam.preprocess(PICTURE))
    assert features.shape[1:] == (512, -(-40 // row.stride), -(-56 // row.stride))
    assert backbone_words("resnet34") == ("ResNet-34", "output stride 32")
    assert backbone(row) == "ResNet-34 · between 18 and 50, a position every 32 px"

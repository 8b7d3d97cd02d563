"""What happens where a device's memory does not suffice, played with networks that say so; nothing here needs a graphics card."""

import numpy as np
import pytest
import torch
from torch import nn

from recam_core.cam.pipeline import gather_evidence
from recam_core.networks.memory_fallback import with_room
from recam_core.networks.model import build_model
from recam_core.networks.pair import build_pair
from recam_core.networks.readouts import READOUTS
from recam_core.records import HeatmapOptions, UserError

PICTURE = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)


class Card:
    """A network on a card that holds ``room`` views at a time; its copy is on the CPU, which holds ``spare``."""

    def __init__(self, room, spare=2, device="cuda:0"):
        self.room, self.spare, self.device, self.asked = room, spare, torch.device(device), []

    def on_cpu(self):
        copy = Card(self.spare, device="cpu")
        copy.asked = self.asked
        return copy

    def look(self, together):
        views = 2 if together and self.device.type != "cpu" else 1
        self.asked.append((str(self.device), views))
        if views > self.room:
            raise torch.OutOfMemoryError("out of memory")
        return f"{views} on {self.device}"


@pytest.mark.parametrize(("room", "result", "note", "tries"), [
    (2, "2 on cuda:0", "", 1),
    (1, "1 on cuda:0", "the memory of cuda:0 holds one view at a time only", 2),
    (0, "1 on cpu", "the memory of cuda:0 did not suffice, so the CPU did it, which takes longer", 3),
])  # fmt: skip
def test_a_card_does_as_much_at_a_time_as_it_can_and_says_what_it_could_not(room, result, note, tries):
    card = Card(room)
    assert with_room(card, lambda net, together: net.look(together)) == (result, note)
    assert card.asked == [("cuda:0", 2), ("cuda:0", 1), ("cpu", 1)][:tries]


@pytest.mark.parametrize("card", [Card(0, spare=0), Card(0, device="cpu")], ids=["card and CPU", "CPU"])
def test_where_nothing_suffices_a_sentence_says_what_to_choose(card):
    with pytest.raises(UserError, match="choose a smaller working size, fewer scales, or no mirror image"):
        with_room(card, lambda net, together: net.look(together))


def test_a_cpu_needs_no_second_try():
    card = Card(2, device="cpu")
    assert with_room(card, lambda net, together: net.look(together)) == ("1 on cpu", "")


def test_other_errors_are_not_taken_for_a_lack_of_memory():
    card = Card(2)
    with pytest.raises(ZeroDivisionError):
        with_room(card, lambda net, together: 1 / 0)
    assert card.asked == []


class Small(nn.Module):
    """A backbone that has no memory for pictures above a size, as far as it was told; a copy of it has enough."""

    def __init__(self, inner, pixels):
        super().__init__()
        self.inner, self.pixels = inner, pixels

    def forward(self, x):
        if x.shape[0] * x.shape[2] * x.shape[3] > self.pixels:
            raise torch.OutOfMemoryError("out of memory")
        return self.inner(x)


def test_a_picture_that_is_too_large_for_the_cpu_is_refused_with_a_sentence_and_the_model_works_on():
    pair = build_pair("p", "tiny", ("cat", "dog"))
    pair.recam.backbone = Small(pair.recam.backbone, 2 * 48 * 64)
    with pytest.raises(UserError, match="The memory of cpu does not suffice"):
        gather_evidence(PICTURE, pair, HeatmapOptions((1.0, 2.0)))
    assert gather_evidence(PICTURE, pair, HeatmapOptions()).notes == ()


def test_what_did_not_fit_is_in_the_evidence(monkeypatch):
    pair = build_pair("p", "tiny", ("cat", "dog"))
    expected = gather_evidence(PICTURE, pair, HeatmapOptions((1.0, 2.0)))

    def short_of_memory(model, look):
        return look(model, False), "" if model is pair.cam else "the memory of cuda:0 holds one view at a time only"

    monkeypatch.setattr("recam_core.cam.pipeline.with_room", short_of_memory)
    evidence = gather_evidence(PICTURE, pair, HeatmapOptions((1.0, 2.0)))
    assert evidence.notes == tuple(f"Scale {s}: the memory of cuda:0 holds one view at a time only." for s in (1, 2))
    for readout in READOUTS:
        for ours, theirs in zip(evidence.scale_maps[readout], expected.scale_maps[readout], strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("together", [False, True])
def test_both_ways_of_looking_give_the_same_maps(monkeypatch, together):
    pair = build_pair("p", "tiny", ("cat", "dog"))
    expected = gather_evidence(PICTURE, pair, HeatmapOptions())
    monkeypatch.setattr("recam_core.cam.pipeline.with_room", lambda model, look: (look(model, together), ""))
    evidence = gather_evidence(PICTURE, pair, HeatmapOptions())
    for readout in READOUTS:
        np.testing.assert_allclose(evidence.scale_maps[readout][0], expected.scale_maps[readout][0], atol=1e-5)


def test_the_copy_on_the_cpu_is_a_network_of_its_own_with_the_same_numbers():
    model = build_model("tiny", "recam", 3)
    copy = model.on_cpu()
    assert type(copy) is type(model)
    assert not any(p.requires_grad for p in copy.parameters())
    for name, value in model.state_dict().items():
        assert torch.equal(copy.state_dict()[name], value)
    x = torch.rand(1, 3, 32, 40)
    with torch.inference_mode():
        assert torch.equal(copy.features(x), model.features(x))

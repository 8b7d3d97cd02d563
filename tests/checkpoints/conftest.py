"""Checkpoints as others would save them, of the smallest networks that the importers know."""

import pytest
import timm
import torch
from torchvision.models import resnet18


@pytest.fixture(autouse=True)
def read_here_or_apart(request):
    """Tests marked ``process`` have a process of their own for pickles, as people do."""
    if not request.node.get_closest_marker("process"):
        request.getfixturevalue("read_here")


@pytest.fixture(scope="session")
def classifier_state():
    """State dicts of untrained classifiers by architecture; a fresh dict each time, the tensors shared."""
    made = {}

    def state(name: str = "resnet18", classes: int = 3):
        if (name, classes) not in made:
            torch.manual_seed(classes)
            build = (
                resnet18 if name == "resnet18" else lambda num_classes: timm.create_model(name, num_classes=num_classes)
            )
            made[name, classes] = build(num_classes=classes).eval().state_dict()
        return dict(made[name, classes])

    return state


@pytest.fixture
def saved(tmp_path):
    """Save anything the way torch does; returns the file."""

    def save(content, name="file.pth", **how):
        torch.save(content, tmp_path / name, **how)
        return tmp_path / name

    return save

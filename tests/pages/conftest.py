"""What the tests of several pages count."""

import pytest
from streamlit.components.v2 import manifest_scanner

from recam_core.networks.model import CamModel


@pytest.fixture(scope="session", autouse=True)
def no_packaged_components():
    """For every page that it opens AppTest reads the metadata of all installed packages; ours bring no component."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", list)
        yield


@pytest.fixture(scope="session", autouse=True)
def few_pictures_to_fit():
    """Balance opens with a fit on 64 pictures; five show the same page."""
    import ui.balance.sets  # here, because few tests of pages need it

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ui.balance.sets.COUNTS, "quick", 5)
        yield


@pytest.fixture
def passes(monkeypatch):
    """The shape of every batch that a backbone sees."""
    shapes, features = [], CamModel.features

    def counted(self, x):
        shapes.append(tuple(x.shape))
        return features(self, x)

    monkeypatch.setattr(CamModel, "features", counted)
    return shapes

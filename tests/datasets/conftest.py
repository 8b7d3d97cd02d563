"""Small data sets of every kind."""

import pytest
from small_data import make_coco, make_pets, make_voc


@pytest.fixture
def voc(tmp_path):
    return make_voc(tmp_path)


@pytest.fixture
def pets(tmp_path):
    return make_pets(tmp_path)


@pytest.fixture
def coco(tmp_path):
    return make_coco(tmp_path)

"""Which processor is picked, and what is said where it cannot be had."""

import pytest
import torch

from recam_core.records import UserError
from recam_core.system.device import autocast, device_name, pick_device


def test_auto_takes_the_cpu_where_there_is_no_card(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device() == pick_device("cpu") == torch.device("cpu")


def test_auto_takes_the_first_card_where_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert pick_device("auto") == torch.device("cuda:0")


@pytest.mark.parametrize("name", ["gpu", "", "cuda:x", "cpu,cuda"])
def test_names_that_are_no_devices_are_refused(name):
    with pytest.raises(UserError, match=f"{name!r} is no device; use auto, cpu, cuda"):
        pick_device(name)


def test_a_card_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="'cuda:1' was asked for"):
        pick_device("cuda:1")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert pick_device("cuda:0") == torch.device("cuda:0")
    with pytest.raises(UserError, match="'cuda:1' was asked for"):
        pick_device("cuda:1")


@pytest.mark.parametrize("name", ["meta", "xpu"])
def test_devices_nothing_can_be_computed_on_are_refused(name):
    with pytest.raises(UserError, match=name):
        pick_device(name)


def test_the_cpu_computes_in_plain_float32():
    with autocast(torch.device("cpu")):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32
        assert not torch.is_autocast_enabled("cpu")


def test_an_older_card_trains_in_float32(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    with autocast(torch.device("cuda"), training=True):
        assert not torch.is_autocast_enabled("cuda")


def test_the_cpu_is_named_with_its_threads():
    assert device_name(torch.device("cpu")) == "CPU, 1 thread"  # as tests/conftest.py sets it
    torch.set_num_threads(2)
    try:
        assert device_name(torch.device("cpu")) == "CPU, 2 threads"
    finally:
        torch.set_num_threads(1)

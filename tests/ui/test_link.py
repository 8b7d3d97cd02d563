import pytest
import streamlit as st

from ui.components.heatview import DEFAULTS
from ui.session import link


@pytest.fixture
def query(monkeypatch):
    words = {}
    monkeypatch.setattr(st, "query_params", words)
    return words


def test_without_an_address_the_defaults_count(query):
    assert link.heat_settings() == DEFAULTS
    link.write_heat_settings(dict(DEFAULTS))
    assert query == {}


def test_what_is_written_is_read_again(query):
    settings = {
        "threshold": 0.07,
        "opacity": 1.0,
        "palette": "cividis",
        "mode": "error",
        "scale": "together",
        "grow": True,
    }
    link.write_heat_settings(settings)
    assert query == {
        "t": "0.07",
        "opacity": "1",
        "palette": "cividis",
        "view": "error",
        "scale": "together",
        "grow": "1",
    }
    assert link.heat_settings() == DEFAULTS | settings


def test_every_threshold_of_the_slider_survives_the_link(query):
    for step in range(101):
        link.write_heat_settings(DEFAULTS | {"threshold": step / 100})
        assert link.heat_settings()["threshold"] == step / 100


def test_what_returns_to_its_default_leaves_the_address(query):
    link.write_heat_settings(DEFAULTS | {"threshold": 0.5, "grow": True})
    assert query == {"t": "0.5", "grow": "1"}
    link.write_heat_settings(dict(DEFAULTS))
    assert query == {}


@pytest.mark.parametrize("name", ["t", "opacity", "palette", "view", "scale", "grow"])
def test_nonsense_counts_as_the_default(query, name):
    for text in ("", "x", "nan", "inf", "-inf", "-0.01", "1.01", "1e400", "0,5", "<script>"):
        query[name] = text
        assert link.heat_settings() == DEFAULTS, text


def test_a_list_has_every_part_once_and_no_empty_ones(query):
    query["classes"] = " dog, wine glass,,dog ,cat"
    assert link.read_list("classes") == ["dog", "wine glass", "cat"]
    assert link.read_list("absent") == []


def test_a_choice_is_one_of_the_words_or_the_default(query):
    query.update(good="b", bad="z")
    assert [link.read_choice(name, ("a", "b"), "a") for name in ("good", "bad", "absent")] == ["b", "a", "a"]


def test_the_address_escapes_what_would_end_a_value(query, monkeypatch):
    query.update(classes="wine glass,a&b=c#d", picture="scene")
    monkeypatch.setattr(st, "context", type("Context", (), {"url": "http://host:1/base?old=1"}))
    assert link.address() == "http://host:1/base?classes=wine%20glass,a%26b%3Dc%23d&picture=scene"
    monkeypatch.setattr(st, "context", type("Context", (), {"url": "http://host:1"}))
    assert link.address().startswith("http://host:1/?classes=")

import importlib.util
import subprocess
import sys

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from recam_core import known_models
from recam_core.system.pass_counter import backbone_passes
from ui import routes
from ui.components.player import stream_store
from ui.components.player.frame import Frame, Layer
from ui.components.player.frame_stream import FrameStream
from ui.components.served import served
from ui.compute import payloads
from ui.compute.packing import unpack
from ui.routes import ROUTES


@pytest.fixture
def client():
    with TestClient(Starlette(routes=ROUTES)) as client:
        yield client


def test_a_known_payload_is_sent_as_bytes_the_browser_may_keep(client):
    content = bytes(range(256))
    answer = client.get(f"/api/heat/{payloads.put(content)}")
    assert answer.status_code == 200
    assert answer.content == content
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["cache-control"] == "private, max-age=3600, immutable"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_compare_by_its_name_is_the_first_page_with_everything_that_the_link_says(client):
    places = [
        client.get(address, follow_redirects=False).headers["location"] for address in ("/compare", "/compare?t=0.4")
    ]
    assert places == ["./", "./?t=0.4"]


@pytest.mark.parametrize("name", ["0" * 64, "0" * 63, "A" * 64, "0" * 65, "..%2Fsecret", "é", "0" * 64 + "%0A"])
def test_anything_else_is_not_found_in_a_plain_sentence(client, name):
    answer = client.get(f"/api/heat/{name}")
    assert answer.status_code == 404
    if "%2F" in name:  # not even our route
        return
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.text.startswith("These heatmaps are not on the server any more.")
    assert answer.headers["cache-control"] == "no-store"


def test_ids_are_checked_before_the_store_is_asked(client, monkeypatch):
    monkeypatch.setattr(payloads, "get", lambda name: pytest.fail(f"asked for {name!r}"))
    assert client.get("/api/heat/short").status_code == 404


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_our_own_routes_only_read(client, route):
    assert route.methods == {"GET", "HEAD"}
    place = route.path.format(id="0" * 64, name="scenes")
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert client.request(method, place).status_code == 405


@pytest.mark.process
def test_routes_import_no_torch():
    code = "import sys, ui.routes; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_frames_are_sent_as_far_as_they_are_and_never_kept(client):
    stream = FrameStream({"title": "a run"}, b"photo", 2)
    stream_store.put(stream)
    stream.add(Frame("step 1", {"map": Layer(np.zeros((2, 2), np.uint8), 1.0, 1.0)}, {"y": 1.0}))
    answer = client.get(f"/api/frames/{stream.id}?from=0&about=1")
    header, blobs = unpack(answer.content)
    assert answer.headers["cache-control"] == "no-store"
    assert (header["from"], len(header["frames"]), blobs["picture"]) == (0, 1, b"photo")
    later = unpack(client.get(f"/api/frames/{stream.id}?from=1&made=0").content)[0]
    assert (later["from"], later["frames"]) == (1, [])
    for nonsense in ("from=-1", "from=x&made=²", f"from={10**30}"):
        assert unpack(client.get(f"/api/frames/{stream.id}?{nonsense}").content)[0]["from"] == 0


def test_a_run_that_is_gone_is_said_in_a_sentence(client):
    for name in ("0" * 64, "short"):
        answer = client.get(f"/api/frames/{name}")
        assert answer.status_code == 404
        assert answer.text.startswith("This run is not on the server any more.")
    assert client.post(f"/api/frames/{'0' * 64}").status_code == 405


def test_a_model_is_sent_from_disk_under_its_name(client, tmp_path, monkeypatch):
    monkeypatch.setenv("RECAM_MODELS", str(tmp_path))
    content = known_models()["scenes"].read_bytes()
    (tmp_path / "Hütte.safetensors").write_bytes(content)
    answer = client.get("/api/model/H%C3%BCtte")
    assert (answer.status_code, answer.content) == (200, content)
    assert "H%C3%BCtte.safetensors" in answer.headers["content-disposition"]
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ["gone", "../app", "..%2Fapp.py", "%2Fetc%2Fpasswd", "Hütte.safetensors", "a%00b"])
def test_no_other_file_is_sent(client, tmp_path, monkeypatch, name):
    monkeypatch.setenv("RECAM_MODELS", str(tmp_path))
    (tmp_path / "Hütte.safetensors").write_bytes(b"x")
    answer = client.get(f"/api/model/{name}")
    assert answer.status_code == 404
    assert client.post("/api/model/scenes").status_code == 405


def test_no_link_to_elsewhere_and_no_damaged_file_is_sent(client, tmp_path, monkeypatch):
    models, elsewhere = tmp_path / "models", tmp_path / "elsewhere.safetensors"
    models.mkdir()
    monkeypatch.setenv("RECAM_MODELS", str(models))
    elsewhere.write_bytes(known_models()["scenes"].read_bytes())
    (models / "outside.safetensors").symlink_to(elsewhere)
    (models / "pw.safetensors").symlink_to("/etc/passwd")
    (models / "loop.safetensors").symlink_to("loop.safetensors")
    (models / "damaged.safetensors").write_bytes(elsewhere.read_bytes()[:1000])
    (models / "inside.safetensors").symlink_to(known_models()["scenes"])
    for name in ("outside", "pw", "loop", "damaged"):
        answer = client.get(f"/api/model/{name}")
        assert (answer.status_code, answer.text[:10]) == (404, "This model"), name
    assert client.get("/api/model/inside").content == elsewhere.read_bytes()


def test_passes_are_counted_for_those_who_asked_for_it_only(monkeypatch):
    assert "/api/passes" not in [route.path for route in routes.ROUTES]
    monkeypatch.setenv("RECAM_COUNT_PASSES", "1")
    monkeypatch.setattr(backbone_passes, "_value", 41)
    backbone_passes.add()
    spec = importlib.util.spec_from_file_location("routes_that_count", routes.__file__)
    counting = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(counting)
    answer = TestClient(Starlette(routes=counting.ROUTES)).get("/api/passes")
    assert (answer.status_code, answer.text) == (200, "42")
    assert answer.headers["cache-control"] == "no-store"


def test_health_is_whether_there_is_a_model_to_show(client, monkeypatch, tmp_path):
    assert client.get("/api/health").text == "ok"
    monkeypatch.setattr(routes, "ASSETS", tmp_path)
    answer = client.get("/api/health")
    assert answer.status_code == 503
    assert answer.text.startswith("There is no model")


def test_below_a_proxy_s_prefix_every_address_of_ours_has_it(monkeypatch):
    assert served("/api/heat/x") == "/api/heat/x"
    monkeypatch.setattr("streamlit.get_option", {"server.baseUrlPath": "/deep/recam/"}.get)
    assert served("/api/heat/x") == "/deep/recam/api/heat/x"

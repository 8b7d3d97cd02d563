"""What is deployed: the files agree with one another, and the app works below a prefix behind a real nginx."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from app_server import free_port, wait_until_healthy
from websockets.sync.client import connect

from ui.routes import ROUTES

ROOT = Path(__file__).parents[2]
DOCKERFILE, COMPOSE, NGINX, SPACE = (
    (ROOT / name).read_text("utf-8")
    for name in ("Dockerfile", "compose.yaml", "deploy/nginx.conf", "deploy/README-huggingface.md")
)
PREFIX = re.search(r"STREAMLIT_SERVER_BASE_URL_PATH: (\w+)", COMPOSE)[1]


def test_the_image_runs_as_nobody_special_and_keeps_runs_and_models():
    lines = [line for line in DOCKERFILE.splitlines() if re.match("[A-Z]+ ", line)]
    user = next(line for line in lines if line.startswith("USER "))
    assert user != "USER root"
    assert lines.index(user) < next(i for i, line in enumerate(lines) if line.startswith("CMD "))
    assert lines[-1] == f"CMD {json.dumps(['recam', 'app', '--', '--server.headless=true'])}"
    volumes = json.loads(re.search(r"^VOLUME (.*)$", DOCKERFILE, re.M)[1])
    assert volumes == re.findall(r"RECAM_(?:RUNS|MODELS)=(\S+)", DOCKERFILE)
    assert [re.search(rf"- \w+:{volume}$", COMPOSE, re.M) is not None for volume in volumes] == [True, True]
    assert "ARG TORCH_INDEX=" in DOCKERFILE


def test_prefix_port_and_upload_size_are_the_same_everywhere():
    port = re.search(r"^EXPOSE (\d+)$", DOCKERFILE, re.M)[1]
    assert f"http://127.0.0.1:{port}/" in DOCKERFILE
    assert f"server app:{port};" in NGINX
    assert f"app_port: {port}" in SPACE
    assert f"location /{PREFIX}/ {{" in NGINX
    assert re.search(r'MAX_UPLOAD_SIZE: "(\d+)"', COMPOSE)[1] == re.search(r"client_max_body_size (\d+)m;", NGINX)[1]
    health = re.search(r"'(api/\w+)'", DOCKERFILE)[1]
    assert f"/{health}" in [route.path for route in ROUTES]


@pytest.fixture
def proxied(tmp_path):
    """The port of nginx before the app, both as compose.yaml has them."""
    if shutil.which("nginx") is None:
        pytest.skip("there is no nginx to put before the app (apt-get install nginx-light)")
    behind, port, log = free_port(), free_port(), tmp_path / "app.log"
    options = ["--port", str(behind), "--address", "127.0.0.1", "--", "--server.headless=true"]
    config = NGINX.replace("app:8501", f"127.0.0.1:{behind}").replace("listen 8080", f"listen 127.0.0.1:{port}")
    here = "daemon off; pid nginx.pid; error_log stderr;\n"
    config = config.replace("http {", "http { access_log off; client_body_temp_path body; proxy_temp_path proxy;", 1)
    (tmp_path / "nginx.conf").write_text(here + config)
    with log.open("w") as out:
        app = subprocess.Popen(
            [sys.executable, "-m", "recam_core", "app", *options],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT), "STREAMLIT_SERVER_BASE_URL_PATH": PREFIX},
            stdout=out,
            stderr=out,
        )
        nginx = subprocess.Popen(["nginx", "-p", str(tmp_path), "-c", "nginx.conf"], stderr=out)
    try:
        wait_until_healthy(f"http://127.0.0.1:{behind}/{PREFIX}", app, log, seconds=180)
        yield port
    finally:
        for process in (nginx, app):
            process.terminate()
            process.wait(timeout=120)


@pytest.mark.slow
@pytest.mark.process
def test_the_app_works_below_a_prefix_behind_nginx(proxied):
    def answer(path):
        with urllib.request.urlopen(f"http://127.0.0.1:{proxied}{path}", timeout=60) as page:
            return page.url, page.read()

    assert answer("/")[0].endswith(f"/{PREFIX}/")
    assert answer(f"/{PREFIX}/api/health")[1] == b"ok"
    with pytest.raises(urllib.error.HTTPError, match="404"):
        answer(f"/{PREFIX}/api/heat/unknown")
    # a browser far away, whose address bar shows another name than any that the app knows
    connection = socket.create_connection(("127.0.0.1", proxied))
    url, started = f"ws://studio.example/{PREFIX}/_stcore/stream", time.monotonic()
    with connect(url, sock=connection, origin="http://studio.example", subprotocols=["streamlit"]) as web:
        assert web.subprotocol == "streamlit"
    assert time.monotonic() - started < 60

"""The app as a server that nobody may change anything on, spoken to without a browser, and stopped while it computes."""

import contextlib
import http.client
import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from app_server import APP, Servers
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from ui.compute.packing import unpack

pytestmark = [pytest.mark.slow, pytest.mark.process]
PATHS = ("/", "/train", "/models", "/errors", "/api/heat/" + "a" * 64, "/api/frames/" + "a" * 64, "/api/model/voc",
         "/_stcore/health", "/_stcore/host-config", "/_stcore/upload_file/a/b", "/media/a.png")  # fmt: skip


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, subprocess.Popen, Path]]:
    """Address, process and log of a read-only server, in whose folder nothing else may be afterwards."""
    folder = tmp_path_factory.mktemp("read-only")
    servers = Servers(lambda: folder)
    try:
        url = servers(APP, RECAM_READ_ONLY="1", RECAM_RUNS=str(folder / "runs"), RECAM_MODELS=str(folder / "models"))
        yield url, servers.processes[url], folder / "server.log"
    finally:
        servers.stop()
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["server.log"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_methods_that_change_something_are_refused(served, method):
    url = served[0]
    for path in PATHS:
        web = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
        with contextlib.closing(web):
            web.request(method, path, b"x", {"Content-Type": "application/octet-stream"})
            assert web.getresponse().status in (403, 404, 405), path


def test_ctrl_c_while_a_climb_computes_ends_the_server(served):  # the last one of this file
    url, server, log = served
    stream = f"{url.replace('http', 'ws')}/_stcore/stream"
    with connect(
        stream, subprotocols=[Subprotocol("streamlit")], max_size=None, proxy=None, ping_interval=None
    ) as visitor:
        visitor.send(BackMsg(rerun_script=ClientState(page_name="climb")).SerializeToString())
        wait_for_frames(url, visitor)
        server.send_signal(signal.SIGINT)
        asked = time.monotonic()
        with contextlib.suppress(ConnectionClosed):  # a browser hears that the server goes
            while True:
                visitor.recv(timeout=60)
    assert server.wait(60) in (0, 1, 130)  # 1 is what Streamlit says after Ctrl-C
    assert time.monotonic() - asked < 10  # a second, where the machine is not busy
    output = log.read_text()
    assert "terminate called" not in output
    assert "Traceback" not in output


def wait_for_frames(url: str, messages: Iterable[Any]) -> None:
    """Until a climb has made some of its frames and makes more."""
    stream = next(
        match[0].decode() for message in messages if (match := re.search(rb"/api/frames/[0-9a-f]{64}", message))
    )
    made: dict[str, Any] = {"frames": []}
    while not made["frames"]:
        time.sleep(0.05)
        with urllib.request.urlopen(url + stream, timeout=60) as answer:
            made = unpack(answer.read())[0]
    assert made["state"] == "running"

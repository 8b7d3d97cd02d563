"""A person at the running app, without a browser: a real websocket session, uploads through the app's own uploader.

Messages are Streamlit's own protobuf classes: the one thing that the engine has of Streamlit, and this module alone.
"""

import http.client
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import FileURLs, UploadedFileInfo
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect
from websockets.typing import Subprotocol

HOST = "127.0.0.1"
ANSWERS = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)  # others are cut short
_HEAT = re.compile(rb"/api/heat/([0-9a-f]{64})")
_UPLOADER = re.compile(rb"\$\$ID-[0-9a-f]+-files")


class ServeError(RuntimeError):
    """The app answered otherwise than a browser could use."""


class Visitor:
    """One session. Requests go one after another; each returns when the browser could draw its maps."""

    def __init__(self, port: int, seconds: float = 120) -> None:
        self.port, self.seconds = port, seconds
        self._cookie = self._token()
        # the loopback address never goes through a proxy, whatever the environment says
        self._open = ExitStack()
        self._socket = self._open.enter_context(
            connect(
                f"ws://{HOST}:{port}/_stcore/stream", subprotocols=[Subprotocol("streamlit")], max_size=None, proxy=None
            )
        )
        self._uploader, self._query = "", ""
        self._files: list[UploadedFileInfo] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()

    def open(self, query: str = "") -> str:
        """Open the Compare page at an address; returns the id of the maps on it, which were fetched."""
        self._query = query
        return self._rerun()

    def upload(self, name: str, data: bytes) -> str:
        """Add a picture, as dropping a file on the uploader does; returns the id of its maps, which were fetched."""
        urls = self._upload_urls(name)
        self._put(urls.upload_url, name, data)
        self._files.append(UploadedFileInfo(name=name, size=len(data), file_id=urls.file_id, file_urls=urls))
        return self._rerun()

    def leave(self) -> None:
        """Close the tab."""
        self._open.close()

    def _rerun(self) -> str:
        self._send(rerun(self._query, self._uploader, self._files))
        heat = b""
        for data, message in self._messages():
            if uploader := _UPLOADER.search(data):
                self._uploader = uploader[0].decode()
            if maps := _HEAT.findall(data):
                heat = maps[-1]
            if message.WhichOneof("type") == "script_finished" and message.script_finished in ANSWERS:
                break
        if not heat:
            raise ServeError("the page ended without maps; the server's log says why")
        self._web("GET", f"/api/heat/{heat.decode()}")
        return heat.decode()

    def _upload_urls(self, name: str) -> FileURLs:
        request = BackMsg()
        request.file_urls_request.request_id = secrets.token_hex(8)
        request.file_urls_request.file_names.append(name)
        self._send(request)
        for _, message in self._messages():
            answer = message.file_urls_response
            if answer.response_id == request.file_urls_request.request_id and answer.file_urls:
                return answer.file_urls[0]
        raise ServeError("the server gave no place for an upload")

    def _send(self, message: BackMsg) -> None:
        self._socket.send(message.SerializeToString())

    def _messages(self) -> Iterator[tuple[bytes, ForwardMsg]]:
        while True:
            data = self._socket.recv(timeout=self.seconds, decode=False)
            yield data, ForwardMsg.FromString(data)

    def _put(self, path: str, name: str, data: bytes) -> None:
        boundary = secrets.token_hex(16)
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        body = head.encode() + data + f"\r\n--{boundary}--\r\n".encode()
        headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Cookie": f"_streamlit_xsrf={self._cookie}",
            "X-Xsrftoken": self._cookie,
        }
        self._web("PUT", path, body, headers)

    def _token(self) -> str:
        """What the app wants to see with an upload: a cookie that it gave, and the same in a header."""
        _, cookie = self._web("GET", "/_stcore/health")
        match = re.search(r"_streamlit_xsrf=([^;]+)", cookie)
        return match[1] if match else ""

    def _web(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[bytes, str]:
        """Body and cookie of an answer. A connection each time: the server closes those that rest."""
        web = http.client.HTTPConnection(HOST, self.port, timeout=self.seconds)
        try:
            web.request(method, path, body or None, headers or {})
            answer = web.getresponse()
            if answer.status >= 300:
                raise ServeError(f"{path} was answered with {answer.status}")
            return answer.read(), answer.getheader("Set-Cookie") or ""
        finally:
            web.close()


def rerun(query: str, uploader: str, files: Sequence[UploadedFileInfo]) -> BackMsg:
    """What a browser sends for the script to run: the address, and what the uploader (its widget's id) holds."""
    message = BackMsg()
    message.rerun_script.query_string = query
    if files:
        widget = message.rerun_script.widget_states.widgets.add(id=uploader)
        widget.file_uploader_state_value.uploaded_file_info.extend(files)
    return message

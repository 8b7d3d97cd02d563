"""A person at the running app, without a browser: a real websocket session, uploads through the app's own uploader.

Streamlit's messages are protobuf. The engine does not import Streamlit, and what is needed of the format is a few lines: the
numbers of the fields below are those of ``BackMsg`` and ``ForwardMsg``; a test holds them against ``streamlit.proto``.
"""

import http.client
import re
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from websockets.sync.client import connect
from websockets.typing import Subprotocol

HOST = "127.0.0.1"
RERUN_SCRIPT, FILE_URLS_REQUEST = 11, 16  # of BackMsg
SCRIPT_FINISHED, FILE_URLS_RESPONSE = 6, 19  # of ForwardMsg
FINISHED, FINISHED_FRAGMENT = 0, 3  # values of SCRIPT_FINISHED that mean an answer
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
        self._uploader, self._files, self._query = b"", b"", ""

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
        told = dict(fields(urls))
        self._put(bytes(told[2]).decode(), name, data)
        info = field(2, name) + field(3, len(data)) + field(4, told[1]) + field(5, urls)
        self._files += field(2, info)
        return self._rerun()

    def leave(self) -> None:
        """Close the tab."""
        self._open.close()

    def _rerun(self) -> str:
        state = field(1, self._query)
        if self._files:
            state += field(2, field(1, field(1, self._uploader) + field(13, self._files)))
        self._socket.send(field(RERUN_SCRIPT, state))
        heat = b""
        for message in self._messages():
            found = _UPLOADER.search(message)
            self._uploader = found[0] if found else self._uploader
            if maps := _HEAT.findall(message):
                heat = maps[-1]
            # a run that another one cuts short is no answer yet; the number is left out of a message where it is 0
            if dict(fields(message)).get(SCRIPT_FINISHED) in (FINISHED, FINISHED_FRAGMENT):
                break
        if not heat:
            raise ServeError("the page ended without maps; the server's log says why")
        self._web("GET", f"/api/heat/{heat.decode()}")
        return heat.decode()

    def _upload_urls(self, name: str) -> bytes:
        asked = secrets.token_hex(8)
        self._socket.send(field(FILE_URLS_REQUEST, field(1, asked) + field(2, name)))
        for message in self._messages():
            answer = dict(fields(message)).get(FILE_URLS_RESPONSE)
            if isinstance(answer, bytes):
                told = dict(fields(answer))
                if told.get(1) == asked.encode() and isinstance(told.get(2), bytes):
                    return bytes(told[2])
        raise ServeError("the server gave no place for an upload")

    def _messages(self) -> Iterator[bytes]:
        while True:
            message = self._socket.recv(timeout=self.seconds)
            yield message if isinstance(message, bytes) else message.encode()

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
        found = re.search(r"_streamlit_xsrf=([^;]+)", cookie)
        return found[1] if found else ""

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


def field(number: int, value: bytes | str | int) -> bytes:
    """One protobuf field: a number as a varint, text and bytes with their length."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The top-level fields of a protobuf message: (number, varint or bytes)."""
    place = 0
    while place < len(message):
        key, place = _read_varint(message, place)
        kind = key & 7
        if kind == 0:
            value, place = _read_varint(message, place)
            yield key >> 3, value
        else:
            size = {1: 8, 5: 4}.get(kind)
            if size is None:
                size, place = _read_varint(message, place)
            yield key >> 3, message[place : place + size]
            place += size


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def _read_varint(message: bytes, place: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = message[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place

"""Picture files that try to keep a decoder busy or to fill its memory, each kind by a function of a seeded generator.

None of them needs more memory to be made than it has bytes, so that tests may make as many as they like.
"""

import struct
import zlib
from collections.abc import Callable

import numpy as np
from odd_files import chunk, encode
from PIL import Image

PNG = b"\x89PNG\r\n\x1a\n"
MOST = 19 * 2**20  # bytes: an upload may have 20 MB


def blank_png(width: int, height: int, colour: int, depth: int = 8, junk: bytes = b"") -> bytes:
    """A whole PNG of zeros of any size; ``colour`` is the type in its header, ``junk`` stands between the chunks."""
    bits = depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    row = bytes(1 + (width * bits + 7) // 8)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    strip = packer.compress(row * 64) + packer.flush(
        zlib.Z_FULL_FLUSH
    )  # after a full flush it may stand again and again
    last = zlib.compressobj(9, zlib.DEFLATED, -15)
    end = last.compress(row * (height % 64)) + last.flush()
    checksum = (len(row) * height % 65521) << 16 | 1  # Adler's, of zeros
    body = b"\x78\x9c" + strip * (height // 64) + end + struct.pack(">I", checksum)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    palette = chunk(b"PLTE", bytes(6)) if colour == 3 else b""
    return PNG + chunk(b"IHDR", header) + junk + palette + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def blank_tiff(width: int, height: int, bits: int, sample_format: int, samples: int = 1) -> bytes:
    """A TIFF of zeros whose strips are all the same few bytes."""
    rows = 64
    count = -(-height // rows)
    strip = zlib.compress(bytes(rows * width * samples * bits // 8), 9)
    entries = [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, bits), (259, 3, 1, 8), (262, 3, 1, 2 if samples > 2 else 1),
        (273, 4, count, 0), (277, 3, 1, samples), (278, 4, 1, rows), (279, 4, count, 0), (339, 3, 1, sample_format),
    ]  # fmt: skip
    ifd = 8
    lists = ifd + 2 + 12 * len(entries) + 4
    data = lists + 8 * count
    written = struct.pack("<H", len(entries))
    for tag, kind, number, value in entries:
        if number > 1:
            value = lists if tag == 273 else lists + 4 * count
        elif tag == 273:
            value = data
        elif tag == 279:
            value = len(strip)
        written += struct.pack("<HHII", tag, kind, number, value)
    offsets = struct.pack(f"<{count}I", *[data] * count) + struct.pack(f"<{count}I", *[len(strip)] * count)
    return b"II*\0" + struct.pack("<I", ifd) + written + bytes(4) + offsets + strip


def many_pages(pages: int) -> bytes:
    """A small TIFF followed by so many pages that hold nothing."""
    first = encode(Image.new("L", (64, 64)), "TIFF")
    start = struct.unpack("<I", first[4:8])[0]
    entries = struct.unpack("<H", first[start : start + 2])[0]
    link = start + 2 + 12 * entries
    first += bytes(len(first) % 2)
    places = [len(first) + 18 * i for i in range(pages)]
    empty = [struct.pack("<HHHIII", 1, 256, 4, 1, 64, after) for after in [*places[1:], 0]]
    return first[:link] + struct.pack("<I", places[0]) + first[link + 4 :] + b"".join(empty)


def many_scans(side: int, scans: int) -> bytes:
    """A progressive JPEG whose last scan stands there again and again."""
    data = encode(Image.new("L", (side, side)), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * scans + b"\xff\xd9"


def blank_webp(width: int, height: int) -> bytes:
    """A header of some bytes that asks for a canvas of this size."""
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4)
    body += (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF" + struct.pack("<I", len(body)) + body


def rle_bmp(side: int, tokens: int) -> bytes:
    """A BMP of runs of a single pixel."""
    body = b"\x01\x00" * tokens
    palette = bytes(4) * 256
    head = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, len(body), 0, 0, 256, 0)
    return (
        b"BM"
        + struct.pack("<IHHI", 14 + len(head) + len(palette) + len(body), 0, 0, 14 + len(head) + len(palette))
        + head
        + palette
        + body
    )


def junk_gif(blocks: int) -> bytes:
    """A GIF with so many empty comments before its picture and after it."""
    data = encode(Image.new("P", (64, 64)), "GIF")
    junk = b"!\xfe\x00" * blocks
    start = 13 + (3 << ((data[10] & 7) + 1) if data[10] & 128 else 0)
    return data[:start] + junk + data[start:-1] + junk + b";"


def _side(rng: np.random.Generator) -> int:
    """Mostly near the limit of 120 million pixels."""
    return int(rng.integers(8_000, 10_950))


def _junk_png(rng: np.random.Generator) -> bytes:
    size = int(rng.choice([0, 0, 1, 7]))
    one = chunk([b"teSt", b"tEXt", b"zTXt", b"iTXt", b"IDAT"][rng.integers(5)], bytes(size))
    return blank_png(64, 64, 2, junk=one * (int(rng.integers(MOST // 4, MOST)) // len(one)))


def _junk_jpeg(rng: np.random.Generator) -> bytes:
    data = encode(Image.new("RGB", (64, 64)), "JPEG")
    one = [b"\xff\xfe\x00\x02", b"\xff", b"\xff\xe1\x00\x03a", b"\xff\xdd\x00\x04\x00\x00", b"\x00"][rng.integers(5)]
    where = 2 if rng.random() < 0.7 else len(data) - 2
    return data[:where] + one * (int(rng.integers(MOST // 4, MOST)) // len(one)) + data[where:]


def _damaged(rng: np.random.Generator) -> bytes:
    kind = str(rng.choice(["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"]))
    data = bytearray(encode(Image.effect_noise((200, 160), 60), kind))
    for where in rng.integers(0, len(data), int(rng.integers(1, 30))):
        data[where] = rng.integers(0, 256)
    return bytes(data[: int(rng.integers(20, len(data) + 1))])


NUMBERS = ((32, 3), (32, 2), (16, 2), (16, 1), (8, 2), (64, 3))  # bits, and what they are: 1 natural, 2 whole, 3 float
KINDS: dict[str, Callable[[np.random.Generator], bytes]] = {
    "scans": lambda rng: many_scans(int(rng.integers(500, 4_000)), int(rng.integers(100, 20_000))),
    "pages": lambda rng: many_pages(int(rng.integers(20_000, 300_000))),
    "webp": lambda rng: blank_webp(_side(rng), _side(rng)),
    "png": lambda rng: blank_png(_side(rng), _side(rng), int(rng.choice([0, 2, 3, 4, 6]))),
    "deep png": lambda rng: blank_png(_side(rng), _side(rng), int(rng.choice([0, 2, 4, 6])), 16),
    "tiff": lambda rng: blank_tiff(_side(rng), _side(rng), *NUMBERS[rng.integers(len(NUMBERS))]),
    "colour tiff": lambda rng: blank_tiff(_side(rng), _side(rng), int(rng.choice([8, 16])), 1, int(rng.choice([3, 4]))),
    "junk png": _junk_png,
    "junk jpeg": _junk_jpeg,
    "bmp": lambda rng: rle_bmp(int(rng.integers(64, 10_900)), int(rng.integers(1, MOST // 2))),
    "gif": lambda rng: junk_gif(int(rng.integers(1, MOST // 6))),
    "damaged": _damaged,
}  # fmt: skip


def hostile_picture(seed: int) -> tuple[str, bytes]:
    """Kind and bytes of the hostile picture of that number."""
    rng = np.random.default_rng([21, seed])
    kind = list(KINDS)[seed % len(KINDS)]
    return kind, KINDS[kind](rng)

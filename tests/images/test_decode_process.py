"""Whatever is sent, it is answered soon and within a bounded memory, and nobody else waits for it."""

import contextlib
import multiprocessing
import os
import re
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from hostile_pictures import KINDS, blank_png, blank_tiff, hostile_picture, many_scans
from odd_files import chunk, encode

from recam_core.images import decode_process
from recam_core.images.decode_process import DecodeProcess
from recam_core.images.pictures import read_image
from recam_core.records import UserError

SECONDS, MEGABYTES = 5.0, 1024
pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="limits of memory need Linux"),
]


class Measured(DecodeProcess):
    """One that tells what it took: ``usage`` and ``peak`` (MiB) after its end."""

    peak = 0.0

    def __init__(self) -> None:
        super().__init__()
        self.watch = threading.Thread(target=self.measure)
        self.watch.start()

    def measure(self) -> None:
        """Follow its own peak: that of ``usage`` counts the memory of whoever started the process too."""
        with contextlib.suppress(OSError):
            while high := re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text()):
                self.peak = int(high[1]) / 1024
                time.sleep(0.01)

    def end(self) -> int:
        self.process.stdin.close()
        self.process.stdout.close()
        if self.process.returncode is None:
            _, status, self.usage = os.wait4(self.process.pid, 0)
            self.process.returncode = os.waitstatus_to_exitcode(status)
        self.watch.join()
        return self.process.returncode


def answer(data: bytes, what: str = "picture", **options) -> np.ndarray | str:
    """What a fresh process makes of a file, within the bounds."""
    process = Measured()
    try:
        result = process.decode(what, data, "hostile.bin", options or {"keep_side": 1024})[0]
    except UserError as error:
        result = str(error)
    process.end()
    assert process.usage.ru_utime + process.usage.ru_stime < SECONDS, result
    assert 0 < process.peak < MEGABYTES, result
    return result


def check(seed: int) -> None:
    kind, data = hostile_picture(seed)
    result = answer(data)
    if isinstance(result, str):
        assert result.startswith(("“hostile.bin”", "There is not enough memory")), kind
    else:
        assert result.dtype == np.uint8
        assert max(result.shape) <= 1024


@pytest.mark.parametrize("seed", range(len(KINDS)), ids=list(KINDS))
def test_every_kind_of_hostile_picture_is_answered(seed):
    check(seed)


@pytest.mark.thousand
@pytest.mark.parametrize("seed", range(len(KINDS)), ids=list(KINDS))
def test_a_thousand_hostile_pictures_are_answered(seed):
    for more in range(seed + len(KINDS), 1000, len(KINDS)):
        check(more)


@pytest.mark.parametrize("colour", [2, 6])
def test_masks_at_the_limit_of_pixels_are_answered(colour):
    side = 10_900
    result = answer(blank_png(side, side, colour), "mask", stored=(side, side), working=(1024, 1024), classes=20)
    assert isinstance(result, str) or not result.any()


def test_a_mask_in_colours_of_many_pixels_is_read():
    side = 7_000
    mask = answer(blank_png(side, side, 2), "mask", stored=(side, side), working=(1024, 1024), classes=20)
    assert mask.shape == (1024, 1024)


def test_ordinary_large_pictures_are_read_at_the_limit():
    assert answer(blank_png(10_900, 10_900, 2)).shape == (1024, 1024, 3)
    assert answer(blank_tiff(6_000, 6_000, 8, 1, 3)).shape == (1024, 1024, 3)


def test_too_many_scans_are_named():
    assert "3,000×3,000 pixels in 2004 steps, which takes too long" in str(answer(many_scans(3_000, 1_999)))
    assert answer(many_scans(500, 1_999)).shape == (500, 500, 3)


def test_nobody_waits_for_somebody_elses_bomb():
    small = chunk(b"teSt", b"")
    bomb, refusals = blank_png(64, 64, 2, junk=small * (19 * 2**20 // len(small))), []

    def send() -> None:
        with pytest.raises(UserError) as caught:
            read_image(bomb, name="bomb.png")
        refusals.append(str(caught.value))

    read_image(encode(np.zeros((40, 60, 3), np.uint8)))  # a process is there
    thread = threading.Thread(target=send)
    thread.start()
    assert read_image(encode(np.zeros((40, 60, 3), np.uint8))).pixels.shape == (40, 60, 3)
    assert not refusals  # the bomb is still being worked on
    thread.join()
    assert refusals[0].startswith("“bomb.png” was given up after 4 seconds of processor time")
    assert read_image(encode(np.zeros((40, 60, 3), np.uint8))).pixels.shape == (40, 60, 3)


def test_a_process_that_was_killed_is_replaced():
    data = encode(np.full((40, 60, 3), 7, np.uint8))
    read_image(data)
    killed = decode_process._idle[-1].process
    killed.kill()
    killed.wait()
    assert (read_image(data).pixels == 7).all()


def test_a_forked_process_has_its_own():
    data = encode(np.full((40, 60, 3), 7, np.uint8))
    read_image(data)
    before = decode_process._idle[-1].process.pid
    with multiprocessing.get_context("fork").Pool(1) as pool, warnings.catch_warnings():
        assert pool.apply(_its_process, (data,)) != before
    assert (read_image(data).pixels == 7).all()


def _its_process(data: bytes) -> int:
    assert (read_image(data).pixels == 7).all()
    return decode_process._idle[-1].process.pid


def test_apart_and_in_this_process_are_the_same():
    noise = np.random.default_rng(3).integers(0, 256, (1500, 1100, 3), dtype=np.uint8)
    for kind in ("PNG", "JPEG", "WEBP", "TIFF"):
        data = encode(noise, kind)
        one, other = (read_image(data, apart=apart) for apart in (True, False))
        assert np.array_equal(one.pixels, other.pixels)
        assert (one.notes, one.original_size, one.sha256) == (other.notes, other.original_size, other.sha256)

"""The check of a data set: what it counts, what it finds wrong, and that it holds few pictures however many there are."""

import dataclasses
import io
import json
import os
import time
import tracemalloc

import numpy as np
import pytest
from odd_files import forged_png
from PIL import Image
from small_data import H, W, annotate, label_map, picture

from recam_core.__main__ import main
from recam_core.datasets import check
from recam_core.datasets.check import check_dataset
from recam_core.records import CheckStep, DataReport, UserError

# pycocotools 2.0.11 hands numpy 2 an object with the old form of __array__
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def checked(*where):
    *steps, report = check_dataset(*where)
    assert all(isinstance(step, CheckStep) for step in steps)
    assert isinstance(report, DataReport)
    return report


def test_a_devkit_is_counted(voc):
    annotate(voc, "2007_000003")
    report = checked("voc", str(voc), "train")
    assert (report.kind, report.root, report.split) == ("voc", str(voc), "train")
    assert (report.pictures, report.masks, report.unlabelled) == (2, 1, 1)
    counts = dict(zip(report.classes, report.per_class, strict=True))
    assert {name: n for name, n in counts.items() if n} == {"dog": 1, "person": 1}
    assert len(report.empty_classes) == 18
    assert "sofa" in report.empty_classes
    assert report.samples == ("2007_000001",)
    assert (report.missing_count, report.broken_count, report.notes) == (0, 0, ())


def noise_jpeg(path, **options):
    """A JPEG that is long enough to be cut in the middle."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 255, (120, 160, 3), np.uint8)
    Image.fromarray(pixels).save(path, "JPEG", **options)
    return path


@pytest.mark.parametrize(("spoil", "reason"), [
    (lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]), "is damaged or cut short"),
    (lambda path: path.write_bytes(path.read_bytes()[:-200]), "is damaged or cut short"),
    (lambda path: path.write_bytes(b""), "is empty (0 bytes)"),
    (lambda path: path.write_text("<html>404</html>"), "expected JPEG, PNG, WebP, BMP, TIFF or GIF, got text"),
    (lambda path: path.write_bytes(forged_png(60_000, 60_000)), "at most 120 million pixels are read"),
    (lambda path: Image.new("RGB", (8, 8)).save(path, "PNG"), "both sides must be at least 32"),
    (lambda path: (path.unlink(), path.mkdir()), "is a folder"),
], ids=["half", "end", "empty", "text", "bomb", "tiny", "folder"])  # fmt: skip
def test_what_is_broken_is_named_with_the_reason(coco, spoil, reason):
    noise_jpeg(coco / "val" / "b.png")
    spoil(coco / "val" / "b.png")
    report = checked("coco", str(coco), "val")
    ((name, why),) = report.broken
    assert (name, report.broken_count) == ("b.png", 1)
    assert reason in why
    assert report.samples == ("a.png",)


def test_a_progressive_jpeg_that_was_cut_short_is_found(pets):
    path = noise_jpeg(pets / "cat" / "a.jpg", progressive=True)
    assert checked("folder", str(pets), "").broken_count == 0
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert [name for name, _ in checked("folder", str(pets), "").broken] == ["cat/a.jpg"]


def test_what_describes_a_picture_may_be_broken_too(voc):
    (voc / "Annotations" / "2007_000001.xml").write_text("<a>")
    label_map(voc / "SegmentationClass" / "2007_000003.png", np.zeros((W, H)))
    report = checked("voc", str(voc), "train")
    assert [(name, why.split(" is ")[0]) for name, why in report.broken] == [
        ("2007_000001", "2007_000001.xml"),
        ("2007_000003", "“mask 2007_000003.png”"),
    ]
    assert report.unlabelled == 0  # nobody knows the labels of the first
    assert sum(report.per_class) == 1


def test_whatever_a_picture_brings_about_ends_no_check(pets, monkeypatch):
    def fail(path, mask=None):
        if path.name == "b.PNG":
            raise LookupError("unknown encoding")

    monkeypatch.setattr("recam_core.datasets.folder.check_picture", fail)
    report = checked("folder", str(pets), "")
    assert report.broken == (("cat/b.PNG", "it could not be read (LookupError: unknown encoding)"),)
    assert (report.pictures, report.per_class) == (3, (2, 1))

    def stop(path, mask=None):
        raise KeyboardInterrupt

    monkeypatch.setattr("recam_core.datasets.folder.check_picture", stop)
    with pytest.raises(KeyboardInterrupt):
        checked("folder", str(pets), "")


def test_missing_pictures_and_empty_classes_are_named(coco):
    (coco / "val" / "b.png").unlink()
    report = checked("coco", str(coco), "val")
    assert (report.pictures, report.missing, report.missing_count) == (1, ("b.png",), 1)
    assert report.empty_classes == ("dog",)


def test_long_lists_are_cut_but_counted(tmp_path):
    for i in range(60):
        (tmp_path / "cat").mkdir(exist_ok=True)
        (tmp_path / "cat" / f"{i:03}.jpg").write_bytes(b"x")
    picture(tmp_path / "dog" / "a.png")
    names = {f"{i}.jpg": ["cat"] for i in range(70)} | {"dog/a.png": ["dog"]}
    report = checked("folder", str(tmp_path), "")
    assert (len(report.broken), report.broken_count) == (50, 60)
    assert report.broken[0][0] == "cat/000.jpg"
    (tmp_path / "labels.json").write_text(json.dumps(names))
    report = checked("folder", str(tmp_path), "")
    assert (len(report.missing), report.missing_count) == (50, 70)


def test_uneven_lonely_and_unlabelled_classes_are_remarked(tmp_path):
    for i in range(21):
        picture(tmp_path / "cat" / f"{i}.png")
    (alone,) = [note for note in checked("folder", str(tmp_path), "").notes if "one class only" in note]
    assert alone.startswith("There is one class only")
    picture(tmp_path / "dog" / "0.png")
    notes = " ".join(checked("folder", str(tmp_path), "").notes)
    assert "uneven: 21 pictures of cat, 1 of dog" in notes
    assert "Every picture has one label" in notes
    (tmp_path / "labels.csv").write_text("file,cat\ncat/0.png,0\n")
    assert "nothing to train on" in " ".join(checked("folder", str(tmp_path), "").notes)


def test_samples_are_spread_over_the_classes(tmp_path):
    for label in "abcde":
        for i in range(9):
            picture(tmp_path / label / f"{i}.png")
    samples = checked("folder", str(tmp_path), "").samples
    assert len(samples) == 12
    assert [name for name in samples if name.endswith("/0.png")] == [f"{label}/0.png" for label in "abcde"]
    assert {name[0] for name in samples} == set("abcde")


def test_scenes_are_checked_without_keeping_them():
    report = checked("scenes", "", "samples")
    assert (report.pictures, report.masks, report.unlabelled, report.broken_count) == (12, 12, 0, 0)
    assert sum(report.per_class) >= 12


def test_what_is_no_data_set_is_refused(tmp_path):
    with pytest.raises(UserError, match="has no folder JPEGImages"):
        list(check_dataset("voc", str(tmp_path), "train"))


@pytest.mark.slow
def test_a_hundred_thousand_files_stream(tmp_path, monkeypatch):
    monkeypatch.setattr(check, "EVERY", 0.0)
    (tmp_path / "cat").mkdir()
    stream = io.BytesIO()
    Image.new("RGB", (W, H)).save(stream, "PNG")
    first = tmp_path / "first.png"
    for i in range(100_000):
        if i % 10_000 == 0:  # file systems bound the links to one file
            first = tmp_path / "cat" / f"{i:06}.png"
            first.write_bytes(stream.getvalue())
        else:
            os.link(first, tmp_path / "cat" / f"{i:06}.png")
    start = time.process_time()
    events = check_dataset("folder", str(tmp_path), "")
    assert next(events) == CheckStep(0, None, "reading the list of pictures")
    assert time.process_time() - start < 0.1
    step = next(events)
    assert (step.done, step.total, step.name) == (1, 100_000, "cat/000000.png")
    assert time.process_time() - start < 4
    tracemalloc.start()
    for step in events:
        if step.done == 300:
            break
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5 * 2**20  # a few pictures, never the list of results
    start = time.perf_counter()
    events.close()
    assert time.perf_counter() - start < 1


# ---- the command


def test_the_command_says_and_writes_what_it_found(pets, tmp_path, capsys):
    (pets / "cat" / "a.jpg").write_bytes(b"")
    out = tmp_path / "report.json"
    assert main(["check", "--dataset", "folder", "--root", str(pets), "--json", str(out)]) == 0
    output = capsys.readouterr()
    assert "checked 3 pictures of folder in" in output.err
    assert "       2  cat\n       1  dog\n1 broken:\n  cat/a.jpg: “a.jpg” is empty (0 bytes)" in output.out
    written = json.loads(out.read_text())
    assert set(written) == {field.name for field in dataclasses.fields(DataReport)}
    assert (written["per_class"], written["broken_count"]) == ([2, 1], 1)


def test_the_command_writes_what_is_not_utf_8(pets, tmp_path):
    os.mkdir(os.path.join(os.fsencode(pets), b"\xfe"))
    root = pets.rename(os.fsdecode(os.path.join(os.fsencode(tmp_path), b"pets\xfe")))
    out = tmp_path / "report.json"
    assert main(["check", "--dataset", "folder", "--root", str(root), "--json", str(out)]) == 0
    written = json.loads(out.read_bytes().decode())
    assert (written["root"], written["classes"]) == (str(root), ["cat", "dog"])


def test_a_split_of_any_length_is_refused_with_one_sentence(voc, coco, pets, capsys):
    for kind, root in (("voc", voc), ("coco", coco), ("folder", pets)):
        for split in ("x" * 400, "x" * 400 + "_aug"):
            assert main(["check", "--dataset", kind, "--root", str(root), "--split", split]) == 2
            assert "xxx" in capsys.readouterr().err


def test_the_command_gives_events(pets, capsys):
    assert main(["check", "--dataset", "folder", "--root", str(pets), "--json-lines"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert events[0] == {"event": "CheckStep", "done": 0, "total": None, "name": "reading the list of pictures"}
    assert (events[-1]["event"], events[-1]["pictures"]) == ("DataReport", 3)


def test_the_command_refuses_with_one_sentence(tmp_path, capsys):
    assert main(["check", "--dataset", "folder", "--root", str(tmp_path)]) == 2
    assert "holds no data set" in capsys.readouterr().err


def test_other_commands_go_on_without_missing_pictures_and_say_so(voc, tmp_path, capsys):
    (voc / "JPEGImages" / "2007_000003.jpg").unlink()
    common = ["--model", "photos", "--dataset", "voc", "--root", str(voc), "--split", "train"]
    assert main(["evaluate", *common]) == 2  # other classes; the data set opened
    messages = capsys.readouterr().err
    assert "1 of 2 pictures are named but not there (2007_000003); it goes on without them." in messages
    assert "the data set has 20 (aeroplane" in messages

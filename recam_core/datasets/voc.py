"""``voc``: Pascal VOC 2012 as its devkit lays it out, and its extension by the masks of SBD.

``ROOT/JPEGImages/*.jpg``, ``ROOT/ImageSets/Segmentation/SPLIT.txt``, ``ROOT/Annotations/*.xml`` and
``ROOT/SegmentationClass/*.png``; ROOT may also be the folder above, with ``VOC2012`` or ``VOCdevkit/VOC2012`` in it.
"""

import contextlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.parsers import expat

import numpy as np

from recam_core.datasets.class_names import VOC_CLASSES, voc_class
from recam_core.datasets.on_disk import (
    boxes_inside,
    check_picture,
    composed,
    files_in,
    inside,
    not_read_words,
    read_bounded,
    read_mask_of,
    read_picture,
    split_missing,
    upright_size,
)
from recam_core.records import UserError
from recam_core.system.files import text_of
from recam_core.system.layouts import (
    PICTURE_SUFFIXES,
    is_file,
    is_picture,
    is_plain,
    mask_folder,
    sbd_words,
    voc_base,
    voc_list,
    voc_splits,
)

MAX_LIST_BYTES, MAX_XML_BYTES = 1 << 24, 1 << 20
NOT_VOC = "that is no file of VOC"
NOT_UTF8 = ("gb2312", "gbk", "gb18030", "cp936", "big5", "shift_jis", "shift-jis", "cp932", "euc-jp", "euc-kr", "cp949")
ASCII = (
    "ascii",
    "us-ascii",
    "utf-16",
    "utf-16le",
    "utf-16be",
)  # of a declaration that is read letter by letter: none is true
NAMELESS = "(an object without a name)"
ENCODING = re.compile(rb"""\s*<\?xml[^>]{0,100}?encoding=["']([\w.-]{1,40})""")
FIRST_PATH = re.compile(rf".*?\.(?:{'|'.join(suffix[1:] for suffix in sorted(PICTURE_SUFFIXES))})(?=\s)", re.IGNORECASE)
LINE_ENDS = re.compile(r"\r\n?|\n")
WORDS = 16  # at most so many after a picture's name are looked for in a line of a list
LAYOUT = "Expected the devkit's layout: ROOT/JPEGImages/*.jpg and ROOT/ImageSets/Segmentation/SPLIT.txt."


@dataclass(frozen=True)
class Annotation:
    """What an XML of VOC says: the size of its picture, and a name and the corners of a box for each object, all as texts."""

    size: Mapping[str, str]
    objects: tuple[tuple[str, Mapping[str, str]], ...]


class Voc:
    """Pictures, image-level labels and label maps of one split.

    Labels are the classes of all objects in a picture's XML, difficult ones included, as in the reference; without an XML those
    of its mask; with neither the picture has none. Pictures are JPEG, or any kind that can be read. Masks are palette or grey
    PNG, or RGB in VOC's colours; 255 = ignore. Raises ``UserError`` where ``root`` has no folder JPEGImages, and for a split
    that is no plain name.
    """

    classes: tuple[str, ...] = VOC_CLASSES

    def __init__(self, root: str, split: str) -> None:
        base = voc_base(Path(root)) if root else None
        if base is None:
            raise UserError(f"The data set {root!r} has no folder JPEGImages. {LAYOUT}")
        if split and not is_plain(split):
            raise UserError(f"A split is the name of a list, such as train; got {split[:80]!r}.")
        self.root, self.base, self.mask_folders = Path(root), base, _mask_folders(base, split)
        for folder in (base / "JPEGImages", base / "Annotations", *self.mask_folders):
            inside(folder, self.root)
        files = files_in(base / "JPEGImages")
        pictures = _pictures(files)
        listed = _read_list(base, split, self.root, pictures)
        there = [name in pictures for name in listed]
        self.names, self.missing = split_missing(listed, there, f"{split}.txt", "JPEGImages", files)
        self.files = {name: pictures[name] for name in self.names}
        self.described = _by_stem(files_in(base / "Annotations"), ".xml")
        self.masked = [_by_stem(files_in(folder), ".png") for folder in self.mask_folders]
        self.notes = _notes(bool(self.described), bool(self.masked[0] or self.masked[-1]))
        if words := not_read_words(self.missing, files):
            self.notes += (words,)

    def __len__(self) -> int:
        return len(self.names)

    def name(self, i: int) -> str:
        """VOC's name of picture ``i``, such as 2007_000032."""
        return self.names[i]

    def image(self, i: int) -> np.ndarray:
        """(H, W, 3) uint8, upright RGB; ``UserError`` names a picture that cannot be read."""
        return read_picture(self._picture(i))

    def labels(self, i: int) -> np.ndarray:
        """Multi-hot (K,) float32; ``UserError`` names an XML that is none."""
        present = np.zeros(len(self.classes), np.float32)
        if self.names[i] in self.described:
            known = {voc_class(name) for name in self._objects(i)}
            present[[k for k, name in enumerate(self.classes) if name in known]] = 1
        elif (mask := self.mask(i)) is not None:
            present[[int(value) - 1 for value in np.unique(mask) if 0 < value <= len(self.classes)]] = 1
        return present

    def mask(self, i: int) -> np.ndarray | None:
        """Label map (H, W) uint8 with 255 = ignore, or None where there is no file."""
        path = self._mask(i)
        return None if path is None else read_mask_of(self._picture(i), inside(path, self.root), len(self.classes))

    def has_mask(self, i: int) -> bool:
        """Is there a mask of picture ``i``?"""
        return self._mask(i) is not None

    def boxes(self, i: int) -> dict[int, np.ndarray] | None:
        """Boxes (m, 4) of all objects in the XML by class index, in pixels of the upright picture; None without an XML.

        Raises ``UserError`` where that is for a picture of another size.
        """
        if self.names[i] not in self.described:
            return None
        annotation, size = self._annotation(i), upright_size(self._picture(i))
        written = tuple(annotation.size.get(side, "0") for side in ("width", "height"))
        if set(written) != {"0"} and written != tuple(map(str, size)):
            raise UserError(
                f"“{self.files[self.names[i]]}” is {size[0]}×{size[1]} pixels, its annotation is for {'×'.join(written)}; use "
                "the pictures that it was made for."
            )
        classes = {name: k for k, name in enumerate(self.classes)}
        boxes = [(classes.get(voc_class(name)), _box(corners)) for name, corners in annotation.objects]
        return boxes_inside([(k, box) for k, box in boxes if k is not None], size)

    def check(self, i: int) -> np.ndarray | None:
        """The mask of picture ``i``; ``UserError`` where the picture is not whole, or its mask cannot be used."""
        check_picture(self._picture(i))
        return self.mask(i)

    def remarks(self, i: int) -> tuple[str, ...]:
        """Names in the XML of picture ``i`` that are not spelled as VOC's classes are."""
        if self.names[i] not in self.described:
            return ()
        odd = sorted(self._objects(i).difference(self.classes))
        return tuple(
            f"“{name[:60]}” {f'is read as {known}' if (known := voc_class(name)) else 'is no class of VOC and is left out'}"
            for name in odd
        )

    def left_out(self) -> Counter[str]:
        """Names in the XML of all pictures that are no class of VOC, and of how many pictures; every XML is read."""
        others: Counter[str] = Counter()
        for i in range(len(self)):
            if self.names[i] in self.described:
                with contextlib.suppress(UserError):  # whoever reads its labels says that it is none
                    others.update(name for name in self._objects(i) if not voc_class(name))
        return others

    def _objects(self, i: int) -> set[str]:
        return {name for name, _ in self._annotation(i).objects}

    def _annotation(self, i: int) -> Annotation:
        return read_annotation(inside(self.base / "Annotations" / self.described[self.names[i]], self.root))

    def _picture(self, i: int) -> Path:
        return inside(self.base / "JPEGImages" / self.files[self.names[i]], self.root)

    def _mask(self, i: int) -> Path | None:
        places = zip(self.mask_folders, self.masked, strict=True)
        return next((folder / names[self.names[i]] for folder, names in places if self.names[i] in names), None)


def _by_stem(names: Iterable[str], suffix: str) -> dict[str, str]:
    """Files of one kind by the name of their picture; hidden ones are what systems leave behind."""
    ours = (name for name in sorted(names) if name.lower().endswith(suffix) and not name.startswith("."))
    return {composed(name[: -len(suffix)]): name for name in ours}


def _pictures(names: Iterable[str]) -> dict[str, str]:
    """Pictures by their name in lists; where several have one the JPEG is taken, as VOC's are."""
    pictures = sorted((name for name in names if is_picture(name)), key=lambda name: (_is_jpeg(name), name))
    return {composed(_stem(name)): name for name in pictures}


def read_annotation(path: Path) -> Annotation:
    """What an XML of VOC says of each ``object`` itself: owners and parts of objects have names and boxes too.

    Nothing is expanded: a file with a DOCTYPE is refused.
    """
    refusal = UserError(f"{path.name} is no annotation of VOC; expected an XML file without a DOCTYPE. Copy it again.")
    size: dict[str, str] = {}
    objects: list[tuple[str, Mapping[str, str]]] = []
    open_tags: list[str] = []
    texts: list[str] = []
    names: list[str] = []  # of the object that is open, and the corners of its box
    corners: dict[str, str] = {}

    def refuse(*_: object) -> None:
        raise refusal

    def open_tag(tag: str, _: dict[str, str]) -> None:
        open_tags.append(tag)
        texts.clear()

    def close_tag(tag: str) -> None:
        text = "".join(texts).strip()
        if open_tags[-2:] == ["object", "name"]:
            names.append(text or NAMELESS)
        elif open_tags[-3:-1] == ["object", "bndbox"]:
            corners[tag] = text
        elif open_tags[1:-1] == ["size"]:
            size[tag] = text
        elif tag == "object":
            objects.extend((name, dict(corners)) for name in names or [NAMELESS])
            names.clear()
            corners.clear()
        open_tags.pop()

    data, encoding = _in_known_letters(path)
    parser = expat.ParserCreate(encoding)
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = (
        open_tag,
        close_tag,
        texts.append,
    )
    try:
        parser.Parse(data, True)
    except UserError:
        raise
    except (expat.ExpatError, LookupError, ValueError) as error:  # also an encoding that nobody knows
        known = _is_utf8(data) and not isinstance(error, LookupError)
        raise refusal if known else _strange_letters(path) from error
    return Annotation(size, tuple(objects))


def _box(corners: Mapping[str, str]) -> tuple[float, ...]:
    """Left, top, right, bottom of a box of VOC, whose pixels are counted from 1 and whose last ones belong to it; () for none."""
    try:
        left, top, right, bottom = (float(corners[name]) for name in ("xmin", "ymin", "xmax", "ymax"))
    except (KeyError, ValueError):
        return ()
    return left - 1, top - 1, right, bottom


def _in_known_letters(path: Path) -> tuple[bytes, str | None]:
    """An XML file and the encoding to read it in: those of East Asia become UTF-8, which the parser knows."""
    data = read_bounded(path, MAX_XML_BYTES, NOT_VOC).lstrip()  # a declaration must stand first
    declaration = ENCODING.match(data.removeprefix(b"\xef\xbb\xbf"))
    encoding = declaration[1].decode().lower() if declaration else ""
    if encoding not in NOT_UTF8:
        return data, "utf-8" if encoding in ASCII else None
    try:
        return data.decode("gb18030" if encoding.startswith("gb") else encoding).encode(), "utf-8"
    except UnicodeDecodeError as error:
        raise _strange_letters(path) from error


def _strange_letters(path: Path) -> UserError:
    return UserError(
        f"{path.name} is no annotation of VOC that can be read: its letters are not in the encoding that it says, or in UTF-8 "
        "where it says none. Save it as UTF-8."
    )


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _notes(described: bool, masked: bool) -> tuple[str, ...]:
    if not described and not masked:
        raise UserError(
            f"There are neither Annotations/*.xml nor SegmentationClass/*.png, so no picture has a label. {LAYOUT}"
        )
    return () if described else ("There is no folder Annotations: labels are those of the masks.",)


def _mask_folders(base: Path, split: str) -> tuple[Path, ...]:
    """Where masks are looked for, the first place first; ``UserError`` where a part of an ``_aug`` split is lacking."""
    folders = tuple(dict.fromkeys((base / mask_folder(split), base / mask_folder(""))))
    if len(folders) == 1:
        return folders
    if words := sbd_words(base, split):
        raise UserError(words)
    return folders


def _read_list(base: Path, split: str, root: Path, pictures: Mapping[str, str]) -> list[str]:
    """Names of a split: a line holds a name, a name and a mark of ImageSets/Main, or the paths of a picture and its mask."""
    if not is_file(voc_list(base, split)):
        known = ", ".join(voc_splits(base)) or "none"
        raise UserError(f"{base.name} has no split {split!r}; there are lists of {known}. {LAYOUT}")
    try:
        lines = LINE_ENDS.split(text_of(read_bounded(inside(voc_list(base, split), root), MAX_LIST_BYTES, NOT_VOC)))
    except UnicodeDecodeError as error:
        raise UserError(
            f"{split}.txt is not a text file in UTF-8; expected a name of a picture in each line. Save it as UTF-8."
        ) from error
    names = {_named(composed(line.strip()), pictures): None for line in lines if line.strip()}
    if not names:
        raise UserError(f"{split}.txt is empty; expected a name of a picture in each line, such as 2007_000032.")
    return list(names)


def _named(line: str, pictures: Mapping[str, str]) -> str:
    """The picture that a line of a list names: names may hold spaces, and a mask or a mark may follow."""
    if line in pictures:
        return line
    if line[1:-1] in pictures and line[0] == line[-1] and line[0] in "\"'":
        return line[1:-1]
    if len(line.split(None, 1)) == 1 and "/" not in line and "\\" not in line:  # most lines, and there may be a million
        return _stem(line)
    line = line.replace("\\", "/")
    if "/" not in line and _stem(line) in pictures:
        return _stem(line)
    before_mask = FIRST_PATH.match(line)
    name = _stem(before_mask[0] if before_mask else line)
    words = name.split()
    for count in range(len(words), max(0, len(words) - WORDS), -1):
        start = " ".join(words[:count]) if count < len(words) else name
        if start in pictures:
            return start
    return " ".join(words[:-1]) if len(words) > 1 and words[-1] in ("1", "0", "-1") else name


def _stem(path: str) -> str:
    """The last part of a path without the suffix of a picture."""
    name = path.rpartition("/")[2].strip()
    stem, dot, suffix = name.rpartition(".")
    return stem if f".{suffix.lower()}" in PICTURE_SUFFIXES and dot else name


def _is_jpeg(name: str) -> bool:
    return name.lower().endswith((".jpg", ".jpeg"))

"""``voc``: Pascal VOC 2012 as its devkit lays it out, and its extension by the masks of SBD.

``ROOT/JPEGImages/*.jpg``, ``ROOT/ImageSets/Segmentation/SPLIT.txt``, ``ROOT/Annotations/*.xml`` and
``ROOT/SegmentationClass/*.png``; ROOT may also be the folder above, with ``VOC2012`` or ``VOCdevkit/VOC2012`` in it.
"""

from pathlib import Path, PurePosixPath
from xml.parsers import expat

import numpy as np

from recam_core.datasets.class_names import VOC_CLASSES
from recam_core.datasets.on_disk import check_picture, files_in, inside, read_mask_of, read_picture, split_missing
from recam_core.records import UserError
from recam_core.system.layouts import is_file, is_plain, mask_folder, sbd_words, voc_base, voc_list, voc_splits

MAX_LIST_BYTES, MAX_XML_BYTES = 1 << 24, 1 << 20
LAYOUT = "Expected the devkit's layout: ROOT/JPEGImages/*.jpg and ROOT/ImageSets/Segmentation/SPLIT.txt."


class Voc:
    """Pictures, image-level labels and label maps of one split.

    Labels are the classes of all objects in a picture's XML, difficult ones included, as in the reference; without an XML those
    of its mask; with neither the picture has none. Masks are palette or grey PNG, 255 = ignore.
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
        listed = _read_list(base, split, self.root)
        pictures = {name.rsplit(".", 1)[0]: name for name in files_in(base / "JPEGImages") if _is_jpeg(name)}
        there = [name in pictures for name in listed]
        self.names, self.missing = split_missing(listed, there, f"{split}.txt", "JPEGImages")
        self.files = {name: pictures[name] for name in self.names}
        self.described = files_in(base / "Annotations")
        self.masked = [files_in(folder) for folder in self.mask_folders]
        self.notes = _notes(bool(self.described), bool(self.masked[0] or self.masked[-1]))

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
        name = f"{self.names[i]}.xml"
        if name in self.described:
            found = read_object_names(inside(self.base / "Annotations" / name, self.root))
            present[[k for k, known in enumerate(self.classes) if known in found]] = 1
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

    def check(self, i: int) -> None:
        """Raise ``UserError`` where picture ``i`` is not whole, or its mask does not fit it."""
        path = self._mask(i)
        check_picture(self._picture(i), None if path is None else inside(path, self.root))

    def _picture(self, i: int) -> Path:
        return inside(self.base / "JPEGImages" / self.files[self.names[i]], self.root)

    def _mask(self, i: int) -> Path | None:
        name = f"{self.names[i]}.png"
        places = zip(self.mask_folders, self.masked, strict=True)
        return next((folder / name for folder, names in places if name in names), None)


def read_object_names(path: Path) -> set[str]:
    """What the ``name`` elements of a VOC annotation say. Nothing is expanded: a file with a DOCTYPE is refused."""
    refusal = UserError(f"{path.name} is no annotation of VOC; expected an XML file without a DOCTYPE. Copy it again.")
    found: set[str] = set()
    inside: list[str] = []

    def refuse(*_: object) -> None:
        raise refusal

    def opened(tag: str, _: dict[str, str]) -> None:
        inside.append("") if tag == "name" or inside else None

    def heard(text: str) -> None:
        if inside:
            inside[-1] += text

    def closed(_: str) -> None:
        if inside:
            found.add(inside.pop().strip())

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = opened, closed, heard
    try:
        parser.Parse(_read_bounded(path, MAX_XML_BYTES), True)
    except UserError:
        raise
    except (expat.ExpatError, LookupError, ValueError) as error:  # also an encoding that nobody knows
        raise refusal from error
    return found


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


def _read_list(base: Path, split: str, root: Path) -> list[str]:
    """Names of a split: a line holds a name, or the paths of a picture and its mask."""
    if not is_file(voc_list(base, split)):
        known = ", ".join(voc_splits(base)) or "none"
        raise UserError(f"{base.name} has no split {split!r}; there are lists of {known}. {LAYOUT}")
    try:
        lines = _read_bounded(inside(voc_list(base, split), root), MAX_LIST_BYTES).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise UserError(f"{split}.txt is not a text file; expected a name of a picture in each line.") from error
    names = [PurePosixPath(line.split()[0]).name for line in lines if line.strip()]
    names = [name.rsplit(".", 1)[0] if _is_jpeg(name) else name for name in names]
    if not names:
        raise UserError(f"{split}.txt is empty; expected a name of a picture in each line, such as 2007_000032.")
    return list(dict.fromkeys(names))


def _read_bounded(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(most + 1)
    except OSError as error:
        raise UserError(f"{path.name} could not be read ({error.strerror}); check its permissions.") from error
    if len(data) > most:
        raise UserError(f"{path.name} has more than {most >> 20} MB; that is no file of VOC.")
    return data


def _is_jpeg(name: str) -> bool:
    return name.lower().endswith((".jpg", ".jpeg"))

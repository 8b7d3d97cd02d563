"""Files that are whole or not there: atomic writes, folders and archives from ``dict[str, bytes]``."""

import contextlib
import errno
import io
import os
import uuid
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import numpy as np

from recam_core.records import UserError
from recam_core.system.locks import held

NAMING = ".naming"  # held in a folder on a disk without hard links for as long as a file there gets a new name
NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


def text_of(data: bytes) -> str:
    """A text in UTF-8, or in the UTF-16 that some systems write, which begins by saying so; ``UnicodeDecodeError`` else."""
    return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")


def save_atomically(path: str | Path, data: bytes, *, new: bool = False) -> None:
    """Write a file so that a reader sees the old one or the new one, never a part, even after a power cut.

    With ``new`` there may be none of that name, also not one that came while we worked. The folder must exist. Raises
    ``UserError`` (no space, no permission, no such folder); the old file is then intact and nothing is left behind.
    """
    target = Path(os.path.abspath(path) if new else os.path.realpath(path))  # a link stays a link
    part = target.with_name(f".{uuid.uuid4().hex}.part")
    try:
        with part.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if new:
            move_new(part, target)
        else:
            os.replace(part, target)
    except OSError as error:
        if new and isinstance(error, FileExistsError):
            raise UserError(f"There is a file called “{Path(path).name}” already; choose another name.") from error
        raise UserError(refusal(error, Path(path), len(data))) from error
    finally:
        with contextlib.suppress(OSError):  # gone already when all went well
            part.unlink()
    _sync_folder(target.parent)


def move_new(path: Path, target: Path) -> None:
    """Give a file another name in its folder; ``FileExistsError`` where something has that name, whoever was quicker."""
    try:
        os.link(path, target, follow_symlinks=False)  # the one call that makes a name and never replaces a file
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        with held(target.parent / NAMING, "Another file is just getting its name there; try again."):
            if os.path.lexists(target):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from error
            os.rename(path, target)
    else:
        path.unlink()


def parent_for(path: Path) -> Path:
    """Make the folder that a file is to be written into, before the work for it begins; returns the path.

    Raises ``UserError`` where it cannot be made, and where ``path`` is a folder.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"The folder of {path} cannot be made ({error.strerror}); choose another place.") from error
    if os.path.isdir(path):  # of a name that is too long, writing will say so
        raise UserError(f"{path} is a folder; name a file to write to.")
    return path


def write_folder(files: Mapping[str, bytes], out: str | Path) -> None:
    """Write ``files`` (relative names with forward slashes → contents) below ``out``, each file atomically.

    Folders are made where missing; files that are there under the same name are replaced, others stay. Raises
    ``UserError`` when ``out`` is a file, a name would leave ``out``, or the disk refuses.
    """
    names = {name: _inside(name) for name in files}
    for name, data in files.items():
        path = Path(out, *names[name].parts)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(refusal(error, path.parent, 0)) from error
        save_atomically(path, data)


def zip_bytes(files: Mapping[str, bytes]) -> bytes:
    """Pack ``files`` (relative names → contents) as a ZIP archive; the same files always give the same bytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(str(_inside(name)), date_time=(1980, 1, 1, 0, 0, 0))
            packed = name.endswith((".png", ".jpg", ".npz"))  # deflated already; again would only cost time
            entry.compress_type = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, wherever it is written
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[name])
    return stream.getvalue()


def npz_bytes(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Pack named arrays as a compressed NumPy archive."""
    stream = io.BytesIO()
    np.savez_compressed(stream, allow_pickle=False, **arrays)
    return stream.getvalue()


def _inside(name: str) -> PurePosixPath:
    """``name`` as a relative path, refused if it could point outside of the folder it is meant for."""
    path = PurePosixPath(name)
    if path.is_absolute() or not path.parts or ".." in path.parts or any(c in name for c in "\\:\0"):
        raise UserError(f"The file name {name!r} would leave its folder; expected one like 'cam/labels.png'.")
    return path


def refusal(error: OSError, path: Path, size: int) -> str:
    """What a person is told where the system refuses to write ``size`` bytes to a file."""
    what = f"“{path.name}” could not be written"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        need = max(1, size // 2**20)
        return f"{what}: there is no space left for its {need} MB. Free some space, or choose another folder."
    if error.errno == errno.ENOENT:
        return f"{what}: the folder “{path.parent.name}” does not exist. Create it, or choose another one."
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return f"{what}: a file is in the way where a folder is expected. Choose another folder."
    if error.errno == errno.EISDIR:
        return f"{what}: a folder of that name is in the way. Choose another name."
    return f"{what} ({error.strerror or error}). Check the permissions, or choose another folder."


def _sync_folder(folder: Path) -> None:
    """Make the rename itself last; not every system can, and the file is whole either way."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

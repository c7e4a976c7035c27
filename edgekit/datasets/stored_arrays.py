"""Opens the arrays of an .npy or .npz file without loading them: an uncompressed member of a zip is mapped in place."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path
from typing import Any

from edgekit.errors import DataError, MissingFileError

_LOCAL_HEADER = struct.Struct("<4s22xHH")
"""Signature, 22 bytes we do not need, lengths of name and extra field (PKWARE APPNOTE 4.3.7)."""


def open_arrays(path: Path) -> dict[str, Any]:
    """Name to array; an .npy file is the array `x`. Arrays with Python objects are refused: they could run code.

    Raises:
        DataError: It is not such a file, or damaged, or holds Python objects.
        MissingFileError: It is a folder.
    """
    import numpy as np

    if not path.is_file():
        raise MissingFileError(f"{path} is not a file.", fix="Give an .npz or .npy file.")
    try:
        if path.suffix == ".npy":
            return {"x": np.load(path, mmap_mode="r", allow_pickle=False)}
        with zipfile.ZipFile(path) as archive:
            members = [m for m in archive.infolist() if m.filename.endswith(".npy")]
            return {m.filename.removesuffix(".npy"): _member(path, archive, m) for m in members}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, NotImplementedError, struct.error) as problem:
        raise DataError(
            f"{path} cannot be read: {problem}.",
            cause="It is incomplete, not an .npz or .npy file, or holds Python objects.",
            fix="Save it again with numpy.savez(file, x=samples, y=labels), numbers only.",
        ) from None


def _member(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Any:
    import numpy as np

    with archive.open(member) as stream:
        if member.compress_type != zipfile.ZIP_STORED:
            return np.lib.format.read_array(stream, allow_pickle=False)
        shape, fortran, dtype = _header(stream)
        header_bytes = stream.tell()
    if dtype.hasobject or 0 in shape or shape == ():
        with archive.open(member) as stream:
            return np.lib.format.read_array(stream, allow_pickle=False)
    start = _data_offset(path, member) + header_bytes
    return np.memmap(path, dtype, mode="r", offset=start, shape=shape, order="F" if fortran else "C")


def _header(stream: Any) -> tuple[tuple[int, ...], bool, Any]:
    import numpy as np

    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(stream)
    return tuple(shape), bool(fortran), dtype


def _data_offset(path: Path, member: zipfile.ZipInfo) -> int:
    with path.open("rb") as stream:
        stream.seek(member.header_offset)
        signature, name_bytes, extra_bytes = _LOCAL_HEADER.unpack(stream.read(_LOCAL_HEADER.size))
    if signature != b"PK\x03\x04":
        raise zipfile.BadZipFile("a member's header is damaged")
    return member.header_offset + _LOCAL_HEADER.size + int(name_bytes) + int(extra_bytes)

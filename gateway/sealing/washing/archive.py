"""A zip archive opened with its size in mind: what it would become is counted before anything is unpacked."""

from __future__ import annotations

import io
import zipfile
import zlib

from gateway.sealing.washing.washed import Unwashable

MOST_MEMBERS = 2000
MOST_UNPACKED = 64 * 1024 * 1024
_MOST_RATIO = 200
_SMALL = 1024 * 1024
_EARLIEST = (1980, 1, 1, 0, 0, 0)


def read_archive(data: bytes) -> dict[str, bytes]:
    """Give the members by name; raise Unwashable for a bomb, a password, doubled names and a damaged archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            _check(members)
            return {member.filename: _read(archive, member) for member in members if not member.is_dir()}
    except (
        zipfile.BadZipFile,
        zlib.error,
        NotImplementedError,
        RuntimeError,
        ValueError,
        EOFError,
        OSError,
    ) as error:
        raise Unwashable("This document is damaged, or needs a password.") from error


def write_archive(members: dict[str, bytes]) -> bytes:
    """Give an archive of the members, without dates, comments or extra fields."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name, _EARLIEST)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return out.getvalue()


def _check(members: list[zipfile.ZipInfo]) -> None:
    if len(members) > MOST_MEMBERS or sum(member.file_size for member in members) > MOST_UNPACKED:
        raise Unwashable("This document unpacks to more than it may.")
    if len({member.filename.lower() for member in members}) != len(members):
        raise Unwashable("This document holds two parts of the same name.")
    for member in members:
        if member.file_size > _SMALL and member.file_size > _MOST_RATIO * max(member.compress_size, 1):
            raise Unwashable("This document unpacks to more than it may.")


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    with archive.open(member) as file:
        # The size in the directory may lie; one byte more than it says tells.
        content = file.read(member.file_size + 1)
    if len(content) != member.file_size:
        raise Unwashable("This document is damaged.")
    return content

"""Several files that a pattern with wildcards names, as in `data/*.csv`."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import shown
from zaohua.modalities.files.folders import is_junk
from zaohua.modalities.modality import Modality, Read, refuse_split


def is_pattern(source: str | Path) -> bool:
    """Return True for a pattern with wildcards."""
    return glob.has_magic(os.path.expanduser(str(source)))


def paths_of(source: str | Path) -> list[Path] | None:
    """Return the files that a pattern names, sorted; None if it has no wildcards.

    Raises:
        ZaohuaError: it names no file.
    """
    text = os.path.expanduser(str(source))
    if not glob.has_magic(text):
        return None
    found = [Path(name) for name in sorted(glob.glob(text, recursive=True))]
    paths = [path for path in found if path.is_file() and not is_junk(path.name)]
    if not paths:
        raise ZaohuaError(f"{str(source)!r}: no file has such a name")
    return paths


def read_several(
    paths: Sequence[Path], source: str, split: str | None, kinds: Sequence[Modality]
) -> tuple[Read, Modality]:
    """Read files as the first kind of data that takes them all.

    Raises:
        ZaohuaError: no kind does.
    """
    refuse_split(Path(source), split)
    for kind in kinds:
        read = kind.read_files(paths, source)
        if read is not None:
            return read, kind
    endings = sorted({path.suffix for path in paths})
    raise ZaohuaError(
        f"{source!r}: names {len(paths):,} files that aren't all of one kind ({shown(endings)}): name those of one kind"
    )

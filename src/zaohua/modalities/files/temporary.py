"""Temporary folders for files that are read as if they had been given: from archives and from other libraries."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from pathlib import Path

from zaohua.core.errors import ZaohuaError


class TemporaryFolder:
    """Empty folder, which is deleted with this object, at the end of the process at the latest.

    Args:
        name: name of the folder; it lies in another of its own.

    Attributes:
        path: the folder.
    """

    def __init__(self, name: str):
        self.path = Path(tempfile.mkdtemp(prefix="zaohua-")) / name
        self.path.mkdir()
        weakref.finalize(self, shutil.rmtree, self.path.parent, ignore_errors=True)

    def check_room(self, size: int, what: object, advice: str) -> None:
        """Raise a `ZaohuaError` if files take more than half of the free space on the disk.

        Args:
            size: of the files, in bytes.
            what: what holds them, for the message.
            advice: what to do instead.
        """
        free = shutil.disk_usage(self.path).free
        if size > free // 2:
            raise ZaohuaError(
                f"{what}: takes {size / 2**30:.1f} GiB when it is unpacked, more than half of the "
                f"{free / 2**30:.1f} GiB free in {self.path.parent.parent}: {advice}"
            )

"""What can be fetched from: the files behind an address, and their bytes from any position on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, NamedTuple

from zaohua.core.errors import ZaohuaError


class RemoteFile(NamedTuple):
    """File behind an address.

    Attributes:
        name: its name; in a folder its path from there.
        size: in bytes; None if that isn't told.
        state: what changes if the file does, such as an ETag; None if nothing is known.
        at: where it is, for the place that listed it.
    """

    name: str
    size: int | None
    state: str | None
    at: str


class Listed(NamedTuple):
    """What lies behind an address: one file, or a folder of files."""

    name: str
    files: list[RemoteFile]
    folder: bool


class Broken(ZaohuaError):
    """A file or folder can't be reached, or its transfer was interrupted: it may be there later.

    Attributes:
        again: whether it may help to try again at once.
    """

    again: ClassVar[bool] = True


class Place(ABC):
    """Address that data are fetched from."""

    @abstractmethod
    def listed(self) -> Listed:
        """List the files.

        Raises:
            Broken: they can't be reached.
        """

    @abstractmethod
    def read(self, file: RemoteFile, start: int) -> tuple[int, Iterator[bytes]]:
        """Begin to read a file.

        Args:
            file: one of those listed.
            start: the position to read from.

        Returns:
            The position that is read from, which is 0 if another isn't possible or the file has changed, and the bytes.

        Raises:
            Broken: it can't be reached. The bytes raise it, too.
        """

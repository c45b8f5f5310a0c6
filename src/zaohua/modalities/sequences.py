"""Codes of items of different lengths, concatenated in one stream, in memory or in a file."""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import IO, ClassVar

import numpy as np
import torch
from numpy.typing import DTypeLike
from torch import Tensor

from zaohua.core.errors import ZaohuaError
from zaohua.modalities.base import Codec, Indices
from zaohua.modalities.condition_base import ItemsT


class FileStream:
    """Stream in a file, whose parts are read on access.

    Args:
        file: the file, open for reading; it contains only the stream.
        dtype: of each element.
        length: number of elements.
    """

    def __init__(self, file: IO[bytes], dtype: np.dtype[np.generic], length: int):
        self._file, self._dtype, self._length = file, dtype, length

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, part: slice) -> Tensor:
        """Return a copy of a part, (n,)."""
        low, high, _ = part.indices(self._length)
        if low >= high:
            return torch.from_numpy(np.empty(0, self._dtype))
        offset = low * self._dtype.itemsize  # a memory map, because other readers move the position of the file
        mapped = np.memmap(self._file, self._dtype, mode="r", offset=offset, shape=(high - low,))
        return torch.from_numpy(np.array(mapped))


class Tape:
    """Writer of a stream, in memory up to a limit, and in a temporary file beyond it.

    Args:
        dtype: of each element.
        most: maximum number of bytes in memory.
    """

    def __init__(self, dtype: DTypeLike, most: float):
        self.dtype, self.most = np.dtype(dtype), most
        self._held, self._length = bytearray(), 0
        self._file: IO[bytes] | None = None

    def __len__(self) -> int:
        return self._length

    def append(self, part: np.ndarray) -> None:
        """Append a part (n,).

        Raises:
            ZaohuaError: the folder of temporary files is full.
        """
        self._length += len(part)
        data = np.ascontiguousarray(part, self.dtype).tobytes()
        if self._file is None and len(self._held) + len(data) <= self.most:
            self._held += data
            return
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="zaohua-codes-")  # deleted when the last reader closes it
                self._file.write(self._held)
                self._held = bytearray()
            self._file.write(data)
        except OSError as error:
            raise _no_room(error) from error

    def stream(self) -> Tensor | FileStream:
        """Return the stream of all parts, after which nothing can be appended."""
        if self._file is None:
            return torch.from_numpy(np.frombuffer(self._held, self.dtype))
        try:
            self._file.flush()
        except OSError as error:
            raise _no_room(error) from error
        return FileStream(self._file, self.dtype, self._length)


def _no_room(error: OSError) -> ZaohuaError:
    return ZaohuaError(
        f"{tempfile.gettempdir()}: can't store codes that exceed the memory limit ({error.strerror}): "
        "free disk space, set another folder (TMPDIR), or raise the limit (memory)"
    )


class Sequences:
    """Items as parts of one stream; consecutive parts may overlap, by an END token that belongs to both.

    Attributes:
        at_hand: True, because batches are gathered at negligible cost.
        stream: (N, ...), or a `FileStream`.
        starts, stops: first index and end (exclusive) of each item, int64 (n,).
        pad: value that pads the items of a batch to the same length.
        apart: True if items are learnt separately, as dialogues are, instead of as one stream.
    """

    at_hand: ClassVar[bool] = True

    def __init__(self, stream: Tensor | FileStream, starts: Tensor, stops: Tensor, pad: int, apart: bool = False):
        self.stream, self.starts, self.stops, self.pad, self.apart = stream, starts, stops, pad, apart

    def __len__(self) -> int:
        return len(self.starts)

    def __iter__(self) -> Iterator[Tensor]:
        """Yield each item, as a view if the stream is in memory."""
        return (self.stream[a:b] for a, b in zip(self.starts.tolist(), self.stops.tolist(), strict=True))

    def take(self, rows: np.ndarray) -> Sequences:
        """Return the items at these indices as parts of the same stream."""
        at = torch.from_numpy(rows)
        return Sequences(self.stream, self.starts[at], self.stops[at], self.pad, self.apart)

    def __getitem__(self, indices: Indices) -> Tensor:
        """Return the items at `indices` (integers, a mask or a slice), int64 (b, longest, ...), padded with `pad`."""
        rows = torch.arange(len(self))[indices if isinstance(indices, slice) else torch.as_tensor(indices)]
        parts = [
            self.stream[a:b].long() for a, b in zip(self.starts[rows].tolist(), self.stops[rows].tolist(), strict=True)
        ]
        return torch.nn.utils.rnn.pad_sequence(parts, batch_first=True, padding_value=self.pad)


class TokenCodec(Codec[ItemsT], ABC):
    """Base of codecs whose items are sequences of tokens: a token that begins an item, the item's tokens, END."""

    @property
    @abstractmethod
    def end_(self) -> int:
        """The END token."""

    @property
    def begin_(self) -> int:
        """The token before an item: END, unless a codec has another."""
        return self.end_

    @property
    def ends_(self) -> tuple[int, ...]:
        """All tokens that end an item, END first."""
        return (self.end_,)

    @property
    def reserved_(self) -> Iterable[int]:
        """The tokens that no sample has: those above END, unless a codec has others."""
        return range(self.end_ + 1, self.spec_.channels)

"""Codes of items that differ in length: one behind another in one stream, in memory or in a file."""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import IO

import numpy as np
import torch
from numpy.typing import DTypeLike
from torch import Tensor

from zaohua.core.errors import ZaohuaError
from zaohua.modalities.base import Codec, Indices, ItemsT


class FileStream:
    """A stream of which nothing is in memory: a part of it is read when it is asked for.

    Args:
        file: open for reading, as long as this is; it holds nothing else.
        dtype: of each element.
        length: how many there are.
    """

    def __init__(self, file: IO[bytes], dtype: np.dtype[np.generic], length: int):
        self._file, self._dtype, self._length = file, dtype, length

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, part: slice) -> Tensor:
        """A part that lies within it, (n,), a copy."""
        low, high, _ = part.indices(self._length)
        if low >= high:
            return torch.from_numpy(np.empty(0, self._dtype))
        offset = low * self._dtype.itemsize  # a map of just the part: whoever else reads the file moves nothing here
        mapped = np.memmap(self._file, self._dtype, mode="r", offset=offset, shape=(high - low,))
        return torch.from_numpy(np.array(mapped))


class Tape:
    """A stream that is made part by part: in memory up to a number of bytes, beyond it in a temporary file.

    Args:
        dtype: of each element.
        most: bytes to keep in memory.
    """

    def __init__(self, dtype: DTypeLike, most: float):
        self.dtype, self.most = np.dtype(dtype), most
        self._held, self._length = bytearray(), 0
        self._file: IO[bytes] | None = None

    def __len__(self) -> int:
        return self._length

    def append(self, part: np.ndarray) -> None:
        """Put a part (n,) behind what there is.

        Raises:
            ZaohuaError: there is no room for it in the folder of temporary files.
        """
        self._length += len(part)
        data = np.ascontiguousarray(part, self.dtype).tobytes()
        if self._file is None and len(self._held) + len(data) <= self.most:
            self._held += data
            return
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="zaohua-codes-")  # which goes with the last who reads it
                self._file.write(self._held)
                self._held = bytearray()
            self._file.write(data)
        except OSError as error:
            raise _no_room(error) from error

    def stream(self) -> Tensor | FileStream:
        """All parts, one behind another; nothing can be put behind them any more."""
        if self._file is None:
            return torch.from_numpy(np.frombuffer(self._held, self.dtype))
        try:
            self._file.flush()
        except OSError as error:
            raise _no_room(error) from error
        return FileStream(self._file, self.dtype, self._length)


def _no_room(error: OSError) -> ZaohuaError:
    return ZaohuaError(
        f"{tempfile.gettempdir()}: what doesn't fit in memory can't be kept there ({error.strerror}): "
        "make room, name another folder (TMPDIR), or let more of it stay in memory (memory)"
    )


class Sequences:
    """Items as parts of one stream; what stands between two may belong to both.

    Attributes:
        stream: (N, ...), or a `FileStream`.
        starts, stops: where each item's part begins, and the place behind its end; int64 (n,).
        pad: what fills the parts of a batch up.
        apart: whether every item is to be learnt by itself, as dialogues are, instead of one behind the other.
    """

    def __init__(self, stream: Tensor | FileStream, starts: Tensor, stops: Tensor, pad: int, apart: bool = False):
        self.stream, self.starts, self.stops, self.pad, self.apart = stream, starts, stops, pad, apart

    def __len__(self) -> int:
        return len(self.starts)

    def __iter__(self) -> Iterator[Tensor]:
        """Each item's part, a view where the stream is in memory."""
        return (self.stream[a:b] for a, b in zip(self.starts.tolist(), self.stops.tolist(), strict=True))

    def __getitem__(self, indices: Indices) -> Tensor:
        """Return the items at `indices` (integers, a mask or a slice), int64 (b, longest, ...), padded with `pad`."""
        rows = torch.arange(len(self))[indices if isinstance(indices, slice) else torch.as_tensor(indices)]
        parts = [
            self.stream[a:b].long() for a, b in zip(self.starts[rows].tolist(), self.stops[rows].tolist(), strict=True)
        ]
        return torch.nn.utils.rnn.pad_sequence(parts, batch_first=True, padding_value=self.pad)


class TokenCodec(Codec[ItemsT], ABC):
    """Base of codecs whose items are sequences of tokens: END, the item's tokens, END."""

    @property
    @abstractmethod
    def end_(self) -> int:
        """The END token; tokens above it are special, and no part of an item."""

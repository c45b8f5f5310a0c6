"""Texts that are being written, as the event loop sees them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import cast

from zaohua.serving.engines.jobs import TextJob
from zaohua.serving.work import Piece, TextUsage, TextWork


class _Mailbox:
    """Values that come one by one, for one who waits for them."""

    def __init__(self) -> None:
        self._values: deque[object] = deque()
        self._awaited: asyncio.Future[None] | None = None

    def put(self, value: object) -> None:
        """Add a value, and wake up who waits for it."""
        self._values.append(value)
        if self._awaited is not None:
            if not self._awaited.done():
                self._awaited.set_result(None)
            self._awaited = None

    async def get(self) -> object:
        """Return the oldest value; wait for it, if there is none."""
        while not self._values:
            self._awaited = asyncio.get_running_loop().create_future()
            await self._awaited
        return self._values.popleft()


class TextsBeingWritten:
    """Texts that are being written, see `work.Writing`."""

    def __init__(self, work: TextWork) -> None:
        self._mailbox = _Mailbox()  # the job knows it, and not this object, so that who forgets this gives it up
        self.job, self._left = TextJob(work, self._mailbox.put), work.n

    @property
    def usage(self) -> TextUsage:
        """Tokens so far."""
        return TextUsage(self.job.prompt, self.job.written, self.job.notes)

    async def __aiter__(self) -> AsyncIterator[Piece]:
        """Yield pieces; the last of each text has a `finish`.

        Raises:
            ZaohuaError: the request can't be done (raised before the first piece).
        """
        try:
            while self._left:
                value = await self._mailbox.get()
                if isinstance(value, BaseException):
                    raise value
                piece = cast(Piece, value)
                self._left -= piece.finish is not None
                yield piece
        finally:
            self.close()

    def close(self) -> None:
        """Stop the writing: the rows are free within two steps."""
        self.job.cancelled = True

    def __del__(self) -> None:
        self.close()

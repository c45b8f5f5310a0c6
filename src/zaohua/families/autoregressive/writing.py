"""Texts that grow token by token, and end before a stop sequence: for whole texts and streams alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from zaohua.core.errors import ZaohuaError
from zaohua.modalities.texts.codec import TextCodec


class Writer:
    """Buffer that releases text as soon as it can't be the beginning of a stop sequence.

    The stop sequence that is completed first ends the text, before its first character. So the result doesn't depend on
    how the text is cut into pieces.

    Attributes:
        over: whether a stop sequence has been reached.

    Raises:
        ZaohuaError: a stop sequence is empty.
    """

    def __init__(self, stops: Sequence[str] | str):
        self.stops = (stops,) if isinstance(stops, str) else tuple(stops)  # a text alone is one
        self.held, self.over = "", False
        if not all(self.stops):
            raise ZaohuaError("a stop sequence needs at least one character: leave empty ones out")

    def push(self, text: str, last: bool = False) -> str:
        """Add a piece; return the text that can be released: all of it if this is the last piece."""
        if self.over:
            return ""
        if not self.stops:  # most texts, whose every token comes by here
            return text
        self.held += text
        stops = [(index + len(stop), index) for stop in self.stops if (index := self.held.find(stop)) >= 0]
        if stops:
            self.over, ready = True, min(stops)[1]
        else:
            withheld = 0 if last else max((_overlap(self.held, stop) for stop in self.stops), default=0)
            ready = len(self.held) - withheld
        text, self.held = self.held[:ready], self.held[ready:]
        return text


class Text:
    """A text that grows token by token, and comes out in pieces: never half a letter, nor a part of a stop sequence.

    Args:
        codec: codec of the tokens.
        stops: stop sequences, or a single one.
        room: maximum number of tokens.
        begins: whether the tokens begin a text, or go on with one.

    Attributes:
        finish: why the text ended: by itself or at a stop sequence ("stop"), or because it reached its maximum number
            of tokens ("length"); None if it goes on.
    """

    def __init__(self, codec: TextCodec, stops: Sequence[str] | str, room: int, begins: bool):
        self.finish: Literal["stop", "length"] | None = None
        self._codec, self._left = codec, room
        self._pieces, self._writer = codec.streaming(begins), Writer(stops)

    def add(self, token: int) -> str:
        """Add a token; return the text that can be released."""
        self._left -= 1
        out = self._writer.push(self._pieces.push(token) if self._codec.is_text(token) else "")
        if not self._writer.over and (token == self._codec.end_ or not self._left):
            out += self._writer.push(self._pieces.finish(), last=True)
            self.finish = "stop" if token == self._codec.end_ else "length"
        if self._writer.over:
            self.finish = "stop"
        return out


def _overlap(text: str, stop: str) -> int:
    """Return how many characters at the end of a text may be the beginning of the stop."""
    return next((n for n in range(min(len(text), len(stop)), 0, -1) if text.endswith(stop[:n])), 0)

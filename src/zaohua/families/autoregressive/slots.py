"""Token loop for many requests: rows join and leave between steps, and all that are there are computed together.

Every row has its own uniform numbers, as in `decoding`, and what it begins with is read as it would be alone. So its
tokens are those that it would have alone, whoever else is there. Rows of decoders that combine several predictions
(guidance) are computed one by one, and those whose tokens come from somewhere else (beams) are taken as they come.

Source: Yu et al., "Orca: A Distributed Serving System for Transformer-Based Generative Models", 2022.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, cast

import torch
from torch import Tensor

from zaohua.core.record import Condition
from zaohua.families.autoregressive.decoding import CachedDecoder, Decoder, SlotDecoder, State, begin_of
from zaohua.families.autoregressive.token_sampler import TokenSampler

AT_ONCE = 64
"""Tokens of new rows that are read in one step, so that the others don't wait long for theirs."""


@dataclass(eq=False)
class Row:
    """A row of tokens that is being written.

    Attributes:
        tokens: tokens so far, those that it begins with first.
        u: a uniform number for each token to come.
        choice: the token sampler.
        net: the decoder.
        context: number of tokens that it can see.
        y: condition, (1, ...).
        presence: number subtracted from the logit of each token that was written.
        frequency: number subtracted from it for each time that it was written.
        wants: whether somebody wants to know the logits.
        given: its tokens, if they aren't to be chosen here.
        begin: number of tokens that it begins with.
        settings: value that is equal for rows whose tokens are chosen in the same way.
    """

    tokens: list[int]
    u: list[float]
    choice: TokenSampler
    net: Decoder
    context: int
    y: Condition | None = None
    presence: float = 0.0
    frequency: float = 0.0
    wants: bool = False
    given: Iterator[int] | None = None
    begin: int = field(init=False)
    settings: str = field(init=False)

    def __post_init__(self) -> None:
        c, self.begin = self.choice, len(self.tokens)
        settings = (c.temperature, c.top_k, c.top_p, c.min_p, c.repetition_penalty, *c.bias.items())
        self.settings = repr(settings)  # a text keeps its hash, which a tuple of many tokens would compute at each step

    @property
    def written(self) -> int:
        """Number of tokens that were written."""
        return len(self.tokens) - self.begin


class Step(NamedTuple):
    """A token that was written.

    Attributes:
        row: the row.
        token: the token.
        logits: logits from which it was chosen, before anything was changed in them, (V,), if the row wants them.
    """

    row: Row
    token: int
    logits: Tensor | None


class Steps(NamedTuple):
    """What happened in a step: tokens that were written, and rows that failed and are gone, with the error of each."""

    written: list[Step]
    failed: list[tuple[Row, Exception]]


@dataclass(eq=False)
class _Reading:
    """Rows that begin alike, of which the beginning is being read.

    Attributes:
        rows: the rows.
        state: what was read; None before.
        seen: number of tokens that were read, or skipped.
        begin: number of tokens that were skipped; None before.
    """

    rows: list[Row]
    state: State = None
    seen: int = 0
    begin: int | None = None


class _Together:
    """Rows of one decoder, computed together.

    Attributes:
        rows: the rows, in the order of the state.
        begins: where in each row the state begins.
        readings: rows that are to join.
    """

    def __init__(self, net: SlotDecoder, device: torch.device) -> None:
        self.net, self.state, self.device = net, net.slots(), device
        self.rows, self.begins, self.readings = list[Row](), list[int](), list[_Reading]()

    def remove(self, row: Row) -> None:
        """Remove a row, wherever it is."""
        for reading in self.readings:
            if row in reading.rows:
                reading.rows.remove(row)
        self.readings = [reading for reading in self.readings if reading.rows]
        if row in self.rows:
            index = self.rows.index(row)
            self.state.leave(index)
            for values in cast(tuple[list[object], ...], (self.rows, self.begins)):
                values[index] = values[-1]
                values.pop()

    def step(self, out: Steps) -> None:
        """Write one token of each row, and go on reading what others begin with."""
        for row, begin in list(zip(self.rows, self.begins, strict=True)):
            begin = begin_of(begin, len(row.tokens), row.context) or 0
            if begin:
                self.remove(row)
                self.readings.append(_Reading([row], seen=begin, begin=begin))
        try:
            if self.rows:
                last = torch.tensor([row.tokens[-1] for row in self.rows], device=self.device)
                out.written.extend(_chosen(self.rows, self.net.step(last[:, None], self.state)))
        except Exception as error:  # such as too little memory: nothing is known of whose fault it was
            out.failed.extend((row, error) for row in self.rows)
            self.state, self.rows, self.begins = self.net.slots(), [], []
        left = AT_ONCE
        while self.readings and left > 0:
            reading = self.readings[0]
            try:
                left -= self._read(reading, left, out)
            except Exception as error:
                out.failed.extend((row, error) for row in reading.rows)
                self.readings.remove(reading)

    def _read(self, reading: _Reading, most: int, out: Steps) -> int:
        """Read some of what rows begin with; at its end, choose their first tokens, and let them join.

        Returns:
            The number of tokens that were read.
        """
        first = reading.rows[0]
        length = len(first.tokens)
        if reading.state is None:
            if reading.begin is None:
                reading.begin = reading.seen = begin_of(None, length, first.context) or 0
            reading.state = self.net.start(1, first.y)
        stop = min(length, reading.seen + most)
        new = torch.tensor([first.tokens[reading.seen : stop]], device=self.device)
        logits = self.net.step(new, reading.state)
        count, reading.seen = stop - reading.seen, stop
        if stop == length:
            self.readings.remove(reading)
            out.written.extend(_chosen(reading.rows, logits.expand(len(reading.rows), -1)))
            for row in reading.rows:
                self.state.join(reading.state)
                self.rows.append(row)
                self.begins.append(cast(int, reading.begin))
        return count


class TokenLoop:
    """Rows that are written at the same time.

    Args:
        device: device of the decoders.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._together: dict[Decoder, _Together] = {}
        self._alone: dict[Row, CachedDecoder[Decoder] | Iterator[int]] = {}

    def join(self, rows: Sequence[Row]) -> None:
        """Add rows that begin alike, under the same condition."""
        first = rows[0]
        if first.given is not None or not hasattr(first.net, "slots"):
            for row in rows:
                self._alone[row] = row.given or CachedDecoder(row.net, 1, row.y, row.context)
            return
        if first.net not in self._together:
            self._together[first.net] = _Together(cast(SlotDecoder, first.net), self.device)
        self._together[first.net].readings.append(_Reading(list(rows)))

    @torch.inference_mode()
    def leave(self, row: Row) -> None:
        """Remove a row."""
        if self._alone.pop(row, None) is None:
            self._together[row.net].remove(row)

    @torch.inference_mode()
    def step(self) -> Steps:
        """Write one token of each row whose beginning is read; rows that fail leave."""
        out = Steps([], [])
        for together in self._together.values():
            together.step(out)
        for row, source in list(self._alone.items()):
            try:
                out.written.append(self._next(row, source))
            except Exception as error:
                del self._alone[row]
                out.failed.append((row, error))
        return out

    def _next(self, row: Row, source: CachedDecoder[Decoder] | Iterator[int]) -> Step:
        """Write the next token of a row that is computed by itself; its end, when there are no more."""
        if isinstance(source, CachedDecoder):
            tokens = torch.tensor([row.tokens], device=self.device)
            return _chosen([row], source.after(tokens, len(row.tokens)))[0]
        row.tokens.append(next(source, row.choice.ends[0]))
        return Step(row, row.tokens[-1], None)


def row_bytes(net: Decoder) -> int:
    """Return the bytes of the state of a row, as far as it doesn't depend on what was read."""
    return cast(SlotDecoder, net).slots().row_bytes if hasattr(net, "slots") else 0


def _chosen(rows: Sequence[Row], logits: Tensor) -> list[Step]:
    """Choose the next token of each row from its logits (B, V)."""
    groups: dict[str, list[int]] = {}
    for i, row in enumerate(rows):
        groups.setdefault(row.settings, []).append(i)
    changed, out = _penalised(rows, logits), list[Step]()
    for group in groups.values():
        some = changed if len(group) == len(rows) else changed[torch.tensor(group, device=logits.device)]
        tokens = _alike([rows[i] for i in group], some).tolist()
        for i, token in zip(group, tokens, strict=True):
            rows[i].tokens.append(token)
            out.append(Step(rows[i], token, logits[i] if rows[i].wants else None))
    return out


def _alike(rows: list[Row], logits: Tensor) -> Tensor:
    """Choose the next tokens of rows of the same settings, int64 (B,)."""
    choice = rows[0].choice
    u = torch.tensor([row.u[row.written] for row in rows], device=logits.device)
    before = torch.zeros(len(rows), 0, dtype=torch.int64, device=logits.device)
    if choice.repetition_penalty != 1:
        parts = [torch.tensor(row.tokens) for row in rows]
        before = torch.nn.utils.rnn.pad_sequence(parts, batch_first=True, padding_value=-1).to(logits.device)
    return choice(logits, u, before)


def _penalised(rows: Sequence[Row], logits: Tensor) -> Tensor:
    """Subtract the penalties for tokens that were written; the logits aren't changed."""
    if not any(row.presence or row.frequency for row in rows):
        return logits
    logits = logits.clone()
    for row, own in zip(rows, logits, strict=True):
        if row.written and (row.presence or row.frequency):
            there, counts = torch.tensor(row.tokens[row.begin :], device=logits.device).unique(return_counts=True)
            own[there] -= row.presence + row.frequency * counts
    return logits

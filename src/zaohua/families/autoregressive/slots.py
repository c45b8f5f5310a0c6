"""Token loop for many requests: rows join and leave between steps, and all that are there are computed together.

Every row has its own uniform numbers, as in `decoding`, so its tokens are those that it would have alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from zaohua.core.record import Condition
from zaohua.families.autoregressive.decoding import CachedDecoder, Decoder
from zaohua.families.autoregressive.token_sampler import TokenSampler


@dataclass(eq=False)
class Row:
    """A row of tokens that is being written.

    Attributes:
        tokens: tokens so far, those that it begins with first.
        u: a uniform number for each token to come, (room,).
        choice: the token sampler.
        net: the decoder.
        context: number of tokens that it can see.
        y: condition, (1, ...).
        presence: number subtracted from the logit of each token that was written.
        frequency: number subtracted from it for each time that it was written.
    """

    tokens: list[int]
    u: Tensor
    choice: TokenSampler
    net: Decoder
    context: int
    y: Condition | None = None
    presence: float = 0.0
    frequency: float = 0.0
    begin: int = field(init=False)
    """Number of tokens that it begins with."""

    def __post_init__(self) -> None:
        self.begin = len(self.tokens)

    @property
    def written(self) -> int:
        """Number of tokens that were written."""
        return len(self.tokens) - self.begin

    @property
    def settings(self) -> object:
        """Value that is equal for rows whose tokens are chosen in the same way."""
        c = self.choice
        return (c.temperature, c.top_k, c.top_p, c.min_p, c.repetition_penalty, *c.bias.items())


class Step(NamedTuple):
    """A token that was written.

    Attributes:
        row: the row.
        token: the token.
        logits: logits from which it was chosen, before anything was changed in them, (V,).
    """

    row: Row
    token: int
    logits: Tensor


class TokenLoop:
    """Rows that are written at the same time.

    Args:
        slots: number of rows that there can be.
    """

    def __init__(self, slots: int) -> None:
        self.slots, self.rows = slots, list[Row]()
        self._readers: dict[Row, CachedDecoder[Decoder]] = {}

    @property
    def free(self) -> int:
        """Number of rows that can join."""
        return self.slots - len(self.rows)

    def join(self, row: Row) -> None:
        """Add a row."""
        self.rows.append(row)
        self._readers[row] = CachedDecoder(row.net, 1, row.y, row.context)

    def leave(self, row: Row) -> None:
        """Remove a row."""
        self.rows.remove(row)
        del self._readers[row]

    @torch.inference_mode()
    def step(self) -> list[Step]:
        """Write one token of each row."""
        out = list[Step]()
        for rows, logits in self._read():
            groups: dict[object, list[int]] = {}
            for i, row in enumerate(rows):
                groups.setdefault(row.settings, []).append(i)
            for group in groups.values():
                some = logits if len(group) == len(rows) else logits[torch.tensor(group, device=logits.device)]
                out += _chosen([rows[i] for i in group], some)
        return out

    def _read(self) -> Iterator[tuple[list[Row], Tensor]]:
        """Yield rows and the logits of the next token of each, (B, V)."""
        for row, reader in self._readers.items():
            tokens = torch.tensor([row.tokens], device=row.u.device)
            yield [row], reader.after(tokens, len(row.tokens))


def _chosen(rows: list[Row], logits: Tensor) -> list[Step]:
    """Choose the next token of rows of the same settings, from their logits (B, V)."""
    choice = rows[0].choice
    u = torch.stack([row.u[row.written] for row in rows])
    before = logits.new_zeros(len(rows), 0, dtype=torch.int64)
    if choice.repetition_penalty != 1:
        parts = [torch.tensor(row.tokens, device=logits.device) for row in rows]
        before = torch.nn.utils.rnn.pad_sequence(parts, batch_first=True, padding_value=-1)
    tokens = choice(_penalised(rows, logits), u, before).tolist()
    for row, token in zip(rows, tokens, strict=True):
        row.tokens.append(token)
    return [Step(row, token, own) for row, token, own in zip(rows, tokens, logits, strict=True)]


def _penalised(rows: list[Row], logits: Tensor) -> Tensor:
    """Subtract the penalties for tokens that were written; the logits aren't changed."""
    if not any(row.presence or row.frequency for row in rows):
        return logits
    logits = logits.clone()
    for row, own in zip(rows, logits, strict=True):
        if row.written and (row.presence or row.frequency):
            there, counts = torch.tensor(row.tokens[row.begin :], device=logits.device).unique(return_counts=True)
            own[there] -= row.presence + row.frequency * counts
    return logits

"""Autoregressive models of sequences of tokens: log p(x) = sum_t log p(x_t | x_<t), each term from one network.

Training windows of `context` tokens are cut at random positions in each step. Items longer than the context are scored
in windows that overlap by half, so each token is given at least the half context before it; `score_samples` is exact
for the model so defined.

Sources: Bengio et al., "A Neural Probabilistic Language Model", 2003; Ho and Salimans, 2022 (guidance).
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from typing import Annotated, ClassVar, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from typing_extensions import TypeVar

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.core.hardware import threads_for_rows
from zaohua.core.noise import Noise
from zaohua.core.notes import note
from zaohua.core.params import Between, Sampling
from zaohua.core.record import Condition
from zaohua.core.spec import PAD, DataSpec
from zaohua.core.stored import Stored
from zaohua.estimator.encoding import TrainingData
from zaohua.estimator.methods import ScoreKind
from zaohua.families.autoregressive.decoding import Decoder, generate, guided
from zaohua.families.autoregressive.drafts import GUESSES, draft_of
from zaohua.families.autoregressive.surprisal import surprisal
from zaohua.families.autoregressive.token_sampler import TokenSampler
from zaohua.families.guidance import Guided
from zaohua.modalities.base import Codes, Indices
from zaohua.modalities.sequences import Sequences, TokenCodec
from zaohua.nn.quick import quick
from zaohua.training.events import Batch

FEW = 10
"""Number of contexts that are few to learn from."""
TokenCodecT = TypeVar("TokenCodecT", bound=TokenCodec, default=TokenCodec, covariant=True)


class TokenModel(Guided[TokenCodecT]):
    """Base of models of tokens, with `net(tokens, y, keep) -> logits of each next token` (see `decoding.Decoder`)."""

    score_kind: ClassVar[ScoreKind] = "exact"
    score_chunk: ClassVar[int] = 32
    finite_receptive_field: ClassVar[bool] = False
    """Whether the network sees at most half a context, so that its state never needs to be rebuilt."""
    tells_cuts: ClassVar[bool] = True
    """Whether to tell of items that are longer than the context."""

    context: Annotated[int, Between(2)] = 256
    """Number of tokens that a token may depend on."""
    max_tokens: Annotated[int, Between(1), Sampling] = 500
    """Maximum number of tokens of a sample, not counting its prompt."""
    temperature: Annotated[float, Between(0, 100), Sampling] = 0.8
    """Randomness of samples: 1 draws from the model, 0 takes the most likely token each time."""
    top_k: Annotated[int, Between(0), Sampling] = 0
    """Number of most likely tokens to draw from; 0 for all."""
    top_p: Annotated[float, Between(0, 1), Sampling] = 1.0
    """Total probability of the most likely tokens to draw from (nucleus sampling)."""
    min_p: Annotated[float, Between(0, 1), Sampling] = 0.0
    """Minimum probability of a token relative to the most likely one."""
    repetition_penalty: Annotated[float, Between(above=0), Sampling] = 1.0
    """Factor by which logits of earlier tokens are reduced; 1 for none."""
    int8: Annotated[bool, Sampling] = False
    """Sample with 8-bit integer weights: in half of the time or less on a CPU, from nearly the same model."""
    batch_size = 16
    validation_fraction = 0.1
    validate_every = 250
    patience = 10

    apart_ = Stored(False, key="dialogues")  # the name in older runs, where it was set for dialogues only

    @abstractmethod
    def network(self, vocabulary: int, y_spec: DataSpec | None) -> nn.Module:
        """Build the network."""

    def build(self, spec: DataSpec, y_spec: DataSpec | None) -> nn.ModuleDict:
        """Build the network."""
        return nn.ModuleDict({"net": self.network(spec.channels, y_spec)})

    # ---- learning

    def rows(self, data: TrainingData) -> TrainingData:
        """Arrange texts as rows to train on.

        Without conditions texts are concatenated, and a row has twice the context, of which `prepare` cuts a random
        part; rows are views of one stream, so a memory-mapped corpus stays in its file. With conditions, or where items
        are learnt separately, a row belongs to one item; separate items longer than the context have rows that overlap
        by half a context, which is read but not learnt again. With `epsilon` every row is of one item and none overlap.
        """
        tokens = cast(Sequences, data.x)  # as every TokenCodec encodes items
        stream, length = tokens.stream, self.context
        self.apart_ = bool(tokens.apart)
        private = self.epsilon is not None
        if data.y is None and not tokens.apart and not private and isinstance(stream, Tensor):
            few = f"{len(stream):,} tokens of {self.codec_.modality}"
            if len(stream) < 2 * length + 1:
                most = option("context", max(2, (len(stream) - 1) // 2))
                raise ZaohuaError(f"{few} are too few for a context of {length}: give more, or at most {most}")
            if len(stream) < FEW * length:
                note(f"{few} are few for a context of {length}: a model will soon know them by heart")
            return TrainingData(stream.unfold(0, 2 * length + 1, length), None)
        long = int((tokens.stops - tokens.starts > length + 1).sum())
        if long and self.tells_cuts and not private:
            noun, how = ("dialogues", "parts that overlap by half") if tokens.apart else (self.codec_.modality, "parts")
            note(f"{long:,} of {len(tokens):,} {noun} are longer than the context of {length} tokens: learnt in {how}")
        rows = TokenRows(tokens, length, length // 2 if tokens.apart and not private else 0)
        return data.cut(rows, rows.item_index)

    def hold_out(self, n: int, seed: int, groups: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Hold out the last fraction of a stream, and skip the row before it, which overlaps both.

        At most 1,000 evenly spaced rows are used for validation; nothing is held out of fewer than three rows. Items
        that are learnt separately are drawn at random.
        """
        if self.epsilon is not None or (n > 2 and (self.y_codec_ is not None or self.apart_)):
            return super().hold_out(n, seed, groups)
        held = self._held_rows(n)
        rows = np.linspace(n - held, n - 1, min(held, 1000)).round().astype(int)
        return rows, np.arange(n - held - (held > 0))

    def _held_rows(self, n: int) -> int:
        """Return the number of the last rows of a stream of n that are held out."""
        return math.ceil(self.validation_fraction * n) if n > 2 else 0

    def held_out_token(self, tokens: Sequences) -> int | None:
        """Return where the held-out end of a stream begins, its length without one; None for items held out whole."""
        if self.y_codec_ is not None or tokens.apart or self.epsilon is not None:
            return None
        n = (len(tokens.stream) - 1) // self.context - 1  # rows of twice the context, as `rows` unfolds them
        held = self._held_rows(n)
        return (n - held) * self.context + 1 if held else len(tokens.stream)

    def learnt(self, data: TrainingData, rows: TrainingData) -> tuple[Codes, np.ndarray]:
        """Return the codes of items, and the indices of those that are trained on, cut where a stream is held out."""
        tokens = cast(Sequences, data.x)
        end = self.held_out_token(tokens)
        if end is None:
            return super().learnt(data, rows)
        learnt = Sequences(tokens.stream, tokens.starts, tokens.stops.clamp(max=end), tokens.pad, tokens.apart)
        return learnt, np.flatnonzero(tokens.starts.numpy() < end)

    def prepare(self, codes: Tensor, noise: Noise, train: bool = False) -> Tensor:
        """Cut a random context (the first when not training) and the token after it out of rows of twice the context.

        Other rows are trimmed to the longest of the batch.
        """
        if codes.shape[1] != 2 * self.context + 1:
            return codes[:, : int((codes != PAD).sum(1).max())].long()
        if not train:
            return codes[:, : self.context + 1].long()
        shift = (noise.uniform() * (self.context + 1)).long().clamp(max=self.context)
        positions = shift[:, None] + torch.arange(self.context + 1, device=codes.device)
        return codes.gather(1, positions).long()

    def loss(self, nets: nn.ModuleDict, batch: Batch, phase: str) -> Tensor:
        """Return -log p(x_t | x_<t), the mean over an item's tokens, (B,) nats."""
        keep = self.condition_mask(batch)
        nats = surprisal(nets["net"], batch.x, batch.y, keep, plain=self.epsilon is not None)
        return nats.sum(1) / (batch.x[:, 1:] >= 0).sum(1).clamp(min=1)

    # ---- primitives

    def log_prob(self, x: Tensor, y: Condition | None, noise: Noise) -> Tensor:
        """Return sum_t log p(x_t | x_<t) of rows END, text, END, (B,) nats."""
        return -torch.cat([part.double().sum(1, keepdim=True) for part in self.windows(x, y)], dim=1).sum(1)

    def nats_by_place(self, x: Tensor, y: Condition | None, noise: Noise) -> Tensor:
        """Return -log p of every token but the first, of which the last is the end, nats (B, t - 1)."""
        return torch.cat(list(self.windows(x, y)), dim=1)

    def windows(self, x: Tensor, y: Condition | None, stride: int | None = None) -> Iterator[Tensor]:
        """Yield the surprisal of every token but the first, window after window, (B, number of new tokens) each.

        Each window begins `stride` tokens (by default half a context) after the previous one and yields its new tokens,
        each of which is thus given at least context - stride tokens.
        """
        net, length, scored = self.nets_["net"], self.context, 0
        overlap = length - (length // 2 if stride is None else stride)
        while scored < x.shape[1] - 1:
            begin = 0 if not scored else scored - overlap
            part = surprisal(net, x[:, begin : begin + length + 1], y)
            yield part[:, scored - begin :]
            scored = begin + part.shape[1]

    def draw(self, noise: Noise, y: Condition | None) -> Tensor:
        """Draw rows END, prompt, new tokens ... (padded with -1 after END), float (n, length)."""
        parts = list(self.tokens(noise, y))
        rows = torch.cat([parts[0], *(part[:, None] for part in parts[1:])], dim=1)
        full = parts[0].shape[1] + self._room
        return F.pad(rows, (0, full - rows.shape[1]), value=PAD)

    def tokens(self, noise: Noise, y: Condition | None, opening: list[int] | None = None) -> Iterator[Tensor]:
        """Yield the tokens that all rows begin with, int64 (n, t), then one token of each row at a time, int64 (n,).

        Args:
            noise: noise of n items.
            y: condition of each.
            opening: tokens that they begin with; `opening()` when not given.
        """
        rows = torch.tensor(self.opening() if opening is None else opening).to(self.device_).expand(noise.n, -1)
        yield rows
        module, plain = self.nets_["net"], y is None or self.guide is None
        alone = noise.n == 1 and plain and not self.int8 and self.context > GUESSES
        with threads_for_rows(module, noise.n):
            yield from generate(
                self.decoder(y),
                rows,
                noise.uniform(self._room),
                self.choice(),
                y=y,
                context=rows.shape[1] + self._room if self.finite_receptive_field else self.context,
                end=self._end,
                draft=draft_of(module, y, tokens=self._room) if alone else None,
            )

    def decoder(self, y: Condition | None) -> Decoder:
        """Return the fastest decoder of the network, in 8-bit integers or with guidance if the fields say so."""
        net = cast(Decoder, quick(self.nets_["net"], self.int8))
        return net if y is None else guided(net, self.guide)

    def opening(self) -> list[int]:
        """Return the tokens that samples begin with, first of all the one before an item."""
        return [self.codec_.begin_]

    def choice(self) -> TokenSampler:
        """Return the token sampler: the fields' settings, without special tokens."""
        never, ends = dict.fromkeys(self.codec_.reserved_, -torch.inf), self.codec_.ends_
        return TokenSampler(
            self.temperature, self.top_k, self.top_p, self.min_p, self.repetition_penalty, never, ends=ends
        )

    @property
    def _room(self) -> int:
        """Maximum number of tokens of a sample, not counting its prompt."""
        return self.max_tokens

    @property
    def _end(self) -> int:
        """The END token, after every item."""
        return self.codec_.end_


class TokenRows:
    """Items cut into rows of a context and the token after it, without rows that have nothing to learn.

    Rows are read from the items' stream, in memory or in a file, when they are asked for.

    Args:
        items: the encoded items.
        length: the context.
        again: number of tokens by which consecutive rows of an item overlap, read but not learnt in the second.

    Attributes:
        item_index: item of each row, int64 (n,).
    """

    at_hand: ClassVar[bool] = True

    def __init__(self, items: Sequences, length: int, again: int):
        self.items, self.length, self.again = items, length, again
        rows = np.fromiter(self._find_rows(), np.dtype((np.int64, 2)))
        self.item_index, self._lows = rows[:, 0].copy(), rows[:, 1].copy()

    def _find_rows(self) -> Iterator[tuple[int, int]]:
        """Yield the item of each row, and the index in it at which the row begins."""
        for item, size in enumerate((self.items.stops - self.items.starts).tolist()):
            for low in range(0, max(1, size - 1 - self.again), self.length - self.again):
                if bool((self._row(item, low)[1:] >= 0).any()):
                    yield item, low

    def _row(self, item: int, low: int) -> Tensor:
        start = int(self.items.starts[item]) + low
        row = self.items.stream[start : min(start + self.length + 1, int(self.items.stops[item]))]
        if not (low and self.again):
            return row
        head = row[: self.again + 1]
        return torch.cat([torch.where(head < 0, head, -2 - head), row[self.again + 1 :]])

    def __len__(self) -> int:
        return len(self.item_index)

    def __getitem__(self, indices: Indices) -> Tensor:
        """Return the rows at `indices` (integers, a mask or a slice), int64 (b, longest), padded with -1."""
        at = indices if isinstance(indices, slice) else np.asarray(indices)
        rows = [self._row(item, low) for item, low in zip(self.item_index[at], self._lows[at], strict=True)]
        return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PAD)

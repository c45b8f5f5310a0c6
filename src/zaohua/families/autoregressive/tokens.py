"""Autoregressive models of sequences of tokens: log p(x) = sum_t log p(x_t | x_<t), each term from one network.

Training sees windows of `context` tokens, cut anew at random places each time; an item that is longer than the context
is scored in windows that overlap by half, each token given at least the half context before it. `score_samples` is
exact for the model so defined.

Sources: Bengio et al., "A Neural Probabilistic Language Model", 2003; Ho and Salimans, 2022 (guidance).
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zaohua.errors import ZaohuaError
from zaohua.estimator import ScoreKind, TrainingData
from zaohua.families.autoregressive.decoding import Choice, draft_of, generate, guided
from zaohua.fields import Between, Sampling
from zaohua.nn.quantized import int8
from zaohua.noise import Noise
from zaohua.spec import DataSpec
from zaohua.training import Batch, Trainable


class TokenModel(Trainable):
    """Nets: `net(tokens, y, keep) -> logits of each next token`, with `start` and `step` (see `decoding.Decoder`)."""

    score_kind: ClassVar[ScoreKind] = "exact"
    score_chunk: ClassVar[int] = 32

    context: Annotated[int, Between(2)] = 256
    """Tokens that a token may depend on."""
    label_dropout: Annotated[float, Between(0, 1)] = 0.1
    """Share of the items whose condition is hidden in training, so that guidance has something to push away from."""
    max_tokens: Annotated[int, Between(1), Sampling] = 500
    """Tokens of a sample at most, without those it goes on from."""
    temperature: Annotated[float, Between(0, 100), Sampling] = 0.8
    """Randomness of samples: 1 draws from the model, 0 takes the likeliest token each time."""
    top_k: Annotated[int, Between(0), Sampling] = 0
    """Draw from so many likeliest tokens only; 0 for all."""
    top_p: Annotated[float, Between(0, 1), Sampling] = 1.0
    """Draw from the likeliest tokens that together have this probability."""
    min_p: Annotated[float, Between(0, 1), Sampling] = 0.0
    """Draw from tokens at least this many times as likely as the likeliest."""
    repetition_penalty: Annotated[float, Between(above=0), Sampling] = 1.0
    """How much less likely tokens are that were there before; 1 for not at all."""
    guidance: Annotated[float, Between(0, 100), Sampling] = 1.0
    """Weight of the condition against none."""
    int8: Annotated[bool, Sampling] = False
    """Sample in products of 8-bit integers: many rows in a third of the time on a CPU, from nearly the same model."""
    batch_size = 16
    validation = 0.1
    validate_every = 250
    patience = 10

    @abstractmethod
    def network(self, vocabulary: int, y_spec: DataSpec | None) -> nn.Module:
        """The network, untrained."""

    def build(self, spec: DataSpec, y_spec: DataSpec | None) -> nn.ModuleDict:
        """One network."""
        return nn.ModuleDict({"net": self.network(spec.channels, y_spec)})

    # ---- learning

    def rows(self, data: TrainingData) -> TrainingData:
        """Texts as rows to train on.

        Without conditions texts follow one another, and a row is twice the context, of which `prepare` takes any part:
        rows are views of the one stream, so a corpus mapped from a file stays there. With conditions a row is of one
        text, whose condition it shares.
        """
        tokens: Any = data.x  # the text codec's TokenCodes, which a family doesn't import
        stream, length = tokens.stream, self.context
        if data.y is None:
            if len(stream) < 2 * length + 1:
                raise ZaohuaError(f"the text has {len(stream):,} tokens, too few for a context of {length}: give more "
                                  f"text, or a context of at most {max(2, (len(stream) - 1) // 2)}")
            return TrainingData(stream.unfold(0, 2 * length + 1, length), None)
        starts, rows, owners = tokens.starts, [], []
        for i, (start, stop) in enumerate(zip(starts.tolist(), starts[1:].tolist(), strict=False)):
            for low in range(start - 1, stop - 1, length):
                rows.append(stream[low : min(low + length + 1, stop)])
                owners.append(i)
        x = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=-1)
        return TrainingData(x, data.y[torch.tensor(owners)])

    def hold_out(self, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Of one stream the last share, with a row left out between that both would see; none of less than three rows.

        Of a long share 1,000 rows, evenly spread, are what is validated on.
        """
        if self.y_codec_ is not None:
            return super().hold_out(n, seed)
        held = math.ceil(self.validation * n) if n > 2 else 0
        rows = np.linspace(n - held, n - 1, min(held, 1000)).round().astype(int)
        return rows, np.arange(n - held - (held > 0))

    def prepare(self, codes: Tensor, noise: Noise, train: bool = False) -> Tensor:
        """Rows of twice the context -> a random context (the first when not training) and the token behind it."""
        if codes.shape[1] != 2 * self.context + 1:
            return codes.long()
        if not train:
            return codes[:, : self.context + 1].long()
        shift = (noise.uniform() * (self.context + 1)).long().clamp(max=self.context)
        places = shift[:, None] + torch.arange(self.context + 1, device=codes.device)
        return codes.gather(1, places).long()

    def loss(self, nets: nn.ModuleDict, batch: Batch, phase: str) -> Tensor:
        """-log p(x_t | x_<t), mean over an item's tokens, (B,) nats."""
        keep = None if batch.y is None else batch.noise.uniform() >= self.label_dropout
        nats = self.surprisal(nets["net"], batch.x, batch.y, keep)
        return nats.sum(1) / (batch.x[:, 1:] >= 0).sum(1).clamp(min=1)

    @staticmethod
    def surprisal(net: nn.Module, x: Tensor, y: Tensor | None, keep: Tensor | None = None) -> Tensor:
        """-log p of each token but the first given those before it, nats (B, t - 1); 0 where x is filled up (-1)."""
        logits = net(x[:, :-1].clamp(min=0), y, keep)
        return F.cross_entropy(logits.flatten(0, 1), x[:, 1:].flatten(), ignore_index=-1,
                               reduction="none").view(len(x), -1)

    # ---- primitives

    def log_prob(self, x: Tensor, y: Tensor | None, noise: Noise) -> Tensor:
        """sum_t log p(x_t | x_<t) of rows END, text, END, (B,) nats."""
        return -torch.cat([part.double().sum(1, keepdim=True) for part in self.windows(x, y)], dim=1).sum(1)

    def windows(self, x: Tensor, y: Tensor | None) -> Iterator[Tensor]:
        """The surprisal of every token but the first, window after window, (B, number of new tokens) each.

        Each window begins half a context after the one before it and tells of the tokens that are new.
        """
        net, length, scored = self.nets_["net"], self.context, 0
        while scored < x.shape[1] - 1:
            begin = 0 if not scored else scored - (length - length // 2)
            part = self.surprisal(net, x[:, begin : begin + length + 1], y)
            yield part[:, scored - begin :]
            scored = begin + part.shape[1]

    def draw(self, noise: Noise, y: Tensor | None) -> Tensor:
        """Rows END, prompt, new tokens ... (filled up with -1 behind END), float (n, length)."""
        parts = list(self.tokens(noise, y))
        rows = torch.cat([parts[0], *(part[:, None] for part in parts[1:])], dim=1)
        full = parts[0].shape[1] + self.max_tokens
        return F.pad(rows, (0, full - rows.shape[1]), value=-1)

    def tokens(self, noise: Noise, y: Tensor | None) -> Iterator[Tensor]:
        """First what all rows begin with, int64 (n, t), then the tokens of all rows one by one, int64 (n,)."""
        rows = torch.tensor(self.opening()).to(self._device()).expand(noise.n, -1)
        yield rows
        net: Any = int8(self.nets_["net"]) if self.int8 else self.nets_["net"]
        guidance = self.guidance if y is not None else 1.0
        draft = None if self.int8 or guidance != 1 or noise.n > 1 else draft_of(net)
        yield from generate(guided(net, guidance), rows, noise.uniform(self.max_tokens), self.choice(), y=y,
                            context=self.context, end=self._end, draft=draft)

    def opening(self) -> list[int]:
        """Tokens that samples go on from, END first."""
        return [self._end]

    def choice(self) -> Choice:
        """How a token is chosen: as the fields say, and none of the codec's reserved ones behind END."""
        reserved = {token: -torch.inf for token in range(self._end + 1, self.spec_.channels)}
        return Choice(self.temperature, self.top_k, self.top_p, self.min_p, self.repetition_penalty, reserved,
                      spared=self._end)

    @property
    def _end(self) -> int:
        """The token before and behind every item."""
        codec: Any = self.codec_
        return codec.end_

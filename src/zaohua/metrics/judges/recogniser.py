"""Recogniser of spoken words: what is said in a sound, by connectionist temporal classification.

It is small, and knows the words of its training only, or their letters if there are many (Graves et al.,
"Connectionist temporal classification", 2006). Its own errors on real test sounds say how far it can be trusted.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zaohua.metrics.error_rates import edits
from zaohua.metrics.judges.training import outputs, trained
from zaohua.metrics.judges.views import View
from zaohua.metrics.words import words_of

CHANNELS = 96
FEW_WORDS = 300
"""Number of different words up to which they are recognised as wholes."""


class _Network(nn.Module):
    """Convolutions over frames, the last ones with gaps: they see 29 frames to both sides."""

    def __init__(self, bands: int, symbols: int):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(bands, CHANNELS, 5, 2, 2),
            nn.GELU(),
            nn.Conv1d(CHANNELS, CHANNELS, 5, 1, 2),
            nn.GroupNorm(8, CHANNELS),
            nn.GELU(),
        )
        self.wide = nn.ModuleList(nn.Conv1d(CHANNELS, CHANNELS, 5, 1, 2 * gap, gap) for gap in (1, 2, 4))
        self.drop = nn.Dropout(0.1)
        self.head = nn.Linear(CHANNELS, symbols + 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return log-probabilities (n, frames / 2, symbols + 1) of spectrograms (n, 1, bands, frames)."""
        found = self.body(x[:, 0])
        for layer in self.wide:
            found = found + F.gelu(layer(self.drop(found)))
        logits: Tensor = self.head(found.transpose(1, 2))
        return F.log_softmax(logits, -1)


class Recogniser:
    """Judge of spoken words.

    Args:
        x: spectrograms of real sounds to learn from, one channel (bands, frames).
        texts: what is said in them.
        seed: seed of the training.
        folder: cache folder; None for none.
    """

    measures = ("word_errors",)

    def __init__(self, x: View, texts: Sequence[str], seed: int = 0, folder: Path | None = None):
        said = [spoken(text) for text in texts]
        words = sorted({word for some in said for word in some})
        self.whole = len(words) <= FEW_WORDS
        parts = [self._parts(some) for some in said]
        self.symbols = sorted({symbol for some in parts for symbol in some})
        index = {symbol: i + 1 for i, symbol in enumerate(self.symbols)}
        targets = [torch.tensor([index[symbol] for symbol in some]) for some in parts]

        def loss(network: nn.Module, rows: np.ndarray) -> Tensor:
            found = network(x[rows]).transpose(0, 1)
            frames = torch.full((len(rows),), len(found))
            some = [targets[i] for i in rows]
            lengths = torch.tensor([len(target) for target in some])
            return F.ctc_loss(found, torch.cat(some), frames, lengths, zero_infinity=True)

        def make() -> nn.Module:
            return _Network(x[np.arange(1)].shape[2], len(self.symbols))

        self._network = trained(make, loss, len(x), 3 * x.cost, ["words", x.digest, said], seed, folder)

    def _parts(self, words: Sequence[str]) -> list[str]:
        """Return words, or their letters with spaces between words."""
        return list(words) if self.whole else list(" ".join(words))

    def recognise(self, x: View) -> list[str]:
        """Return what is said in each sound."""
        best = outputs(self._network, x.__getitem__, len(x)).argmax(-1)
        found = []
        for row in best:
            once = row[np.insert(row[1:] != row[:-1], 0, True)]
            found.append([self.symbols[code - 1] for code in once if code])
        return [(" " if self.whole else "").join(some) for some in found]

    def count(self, x: View, asked: Sequence[str]) -> dict[str, np.ndarray]:
        """Return substitutions, deletions, insertions and words of each sound, float64 (n, 4)."""
        found = [spoken(text) for text in self.recognise(x)]
        counts = [[*edits(said, heard), len(said)] for said, heard in zip(map(spoken, asked), found, strict=True)]
        return {"word_errors": np.array(counts, np.float64)}


def spoken(text: str) -> list[str]:
    """Return the words of a text in lower case without punctuation."""
    return words_of("".join(c if c.isalnum() or c.isspace() or c == "'" else " " for c in text.casefold()))

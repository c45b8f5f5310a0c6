"""Models of texts and music with known probabilities, and their data."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import nn

import zaohua as zh
from zaohua.evaluation.comparison import Comparison, compared
from zaohua.tasks.evaluation import evaluate
from zaohua.tasks.evaluation.protocols import protocol_for

RNG = np.random.default_rng
WORDS = "the cat sat on a mat dog ran and saw moon".split()
GPT: dict[str, Any] = {**zh.GPT.tiny, "max_steps": 2, "random_state": 0, "max_tokens": 40}
PLAYED: dict[str, Any] = {**zh.MusicGPT.tiny, "max_steps": 2, "random_state": 0, "max_tokens": 40}


def texts(seed: int, n: int = 40, words: int = 16) -> list[str]:
    """Some texts of 64 bytes each."""
    return [" ".join(RNG((seed, i)).choice(WORDS, words)).ljust(64, ".")[:64] for i in range(n)]


def piece(seed: int, notes: int = 30) -> zh.Piece:
    """Notes of all kinds, one after another."""
    rng = RNG(seed)
    onsets = np.cumsum(rng.integers(1, 5, notes))
    return zh.Piece(np.c_[onsets, np.ones(notes), rng.integers(40, 80, notes), np.zeros(notes)].astype(int))


class Fixed(nn.Module):
    """A network that predicts the same probabilities everywhere."""

    def __init__(self, probabilities: np.ndarray):
        super().__init__()
        self.logits = nn.Parameter(torch.from_numpy(np.log(probabilities)).float())

    def forward(self, tokens: torch.Tensor, y: object = None, keep: object = None) -> torch.Tensor:
        return self.logits.expand(*tokens.shape, -1)


def unigram(model: Any, run: str, seed: int) -> tuple[Any, np.ndarray]:
    """A model whose tokens are independent, and their probabilities."""
    probabilities = RNG(seed).dirichlet(np.ones(model.spec_.channels))
    other = copy.copy(model)
    other.nets_ = nn.ModuleDict({"net": Fixed(probabilities)})
    other.sample = lambda n, *, y=None, random_state=None: texts(99, n)
    other.run_ = run
    return other, probabilities


def compare(*models: Any, **options: Any) -> Comparison:
    """Compare models in memory, as `zaohua.tasks.evaluation.compare` does with runs."""
    protocol = protocol_for(models[0], 400, others=models[1:], **options)
    return compared([evaluate(one, protocol=protocol) for one in models], protocol)


def played(seeds: range, **options: Any) -> Any:
    return zh.MusicGPT(**{**PLAYED, **options}).fit([piece(seed) for seed in seeds])


def labels(n: int) -> list[str]:
    """Two labels in turn."""
    return [("land", "sea")[i % 2] for i in range(n)]

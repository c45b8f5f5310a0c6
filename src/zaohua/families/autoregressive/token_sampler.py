"""From logits to tokens: one vectorised sampler for every autoregressive model.

Every row has its own uniform numbers, drawn before decoding begins, and takes the token at which the cumulative
probability passes its number. So a row is the same alone and in a batch.

Sources: Fan, Lewis and Dauphin, "Hierarchical Neural Story Generation", 2018 (top-k); Holtzman et al., "The Curious
Case of Neural Text Degeneration", 2019 (top-p); Nguyen et al., "Turning Up the Heat", 2024 (min-p); Keskar et al.,
"CTRL", 2019 (repetition penalty).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

Allowed = Callable[[Tensor], Tensor]
"""Function of the tokens so far (B, t) to the mask of tokens that may follow, bool (B, vocabulary)."""

LEAST = 1e-30
"""Temperature below which quotients are no numbers in float32, and the most likely token is all that is left."""


@dataclass(frozen=True)
class TokenSampler:
    """Rule by which a token is chosen.

    Attributes:
        temperature: divisor of the logits; 0, or nearly so, takes the most likely token.
        top_k: number of most likely tokens to draw from; 0 for all.
        top_p: total probability of the most likely tokens to draw from.
        min_p: minimum probability of a token relative to the most likely one.
        repetition_penalty: factor by which logits of earlier tokens are reduced; 1 for none.
        bias: numbers added to the logits of some tokens.
        allowed: function that masks tokens; None allows all.
        ends: tokens that end a row; the first of them stands for all. The repetition penalty doesn't apply to them.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    bias: Mapping[int, float] = field(default_factory=dict)
    allowed: Allowed | None = None
    ends: tuple[int, ...] = ()
    _biases: dict[tuple[int, torch.device], Tensor] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __call__(self, logits: Tensor, u: Tensor, before: Tensor) -> Tensor:
        """Choose the next token of each row.

        Args:
            logits: (B, V), float32.
            u: a uniform number for each row, (B,).
            before: tokens so far (B, t); negative numbers are padding.

        Returns:
            int64 (B,).
        """
        token = self._drawn(self.adjusted(logits, before), u)
        return token.masked_fill(self.ended(token), self.ends[0]) if len(self.ends) > 1 else token

    def ended(self, tokens: Tensor) -> Tensor:
        """Return which tokens end a row, bool of the same shape."""
        return functools.reduce(torch.logical_or, [tokens == end for end in self.ends], tokens != tokens)

    def _drawn(self, logits: Tensor, u: Tensor) -> Tensor:
        if self.temperature < LEAST:
            return logits.argmax(dim=1)
        logits = self._filtered(logits / self.temperature)
        cumulated = logits.softmax(dim=1, dtype=torch.float64).cumsum(dim=1)
        target = (u.double() * cumulated[:, -1]).unsqueeze(1)
        token = torch.searchsorted(cumulated, target, right=True).squeeze(1)
        return token.clamp_(max=logits.shape[1] - 1)

    def adjusted(self, logits: Tensor, before: Tensor) -> Tensor:
        """Apply repetition penalty and bias, and set logits of tokens that aren't allowed to minus infinity."""
        if self.repetition_penalty != 1 and before.shape[1]:
            none = logits.shape[1]
            skip = (before < 0) | self.ended(before)
            there = logits.new_zeros(len(logits), none + 1, dtype=torch.bool)
            there = there.scatter(1, before.masked_fill(skip, none), True)[:, :none]
            penalised = torch.where(logits > 0, logits / self.repetition_penalty, logits * self.repetition_penalty)
            logits = torch.where(there, penalised, logits)
        if self.bias:
            logits = logits + self._bias_of(logits.shape[1], logits.device)
        if self.allowed is not None:
            logits = logits.masked_fill(~self.allowed(before), -torch.inf)
        return logits

    def _filtered(self, logits: Tensor) -> Tensor:
        """Apply top-k, min-p and top-p: set logits of all but likely tokens to minus infinity."""
        if 0 < self.top_k < logits.shape[1]:
            least = logits.topk(self.top_k, dim=1).values[:, -1:]
            logits = logits.masked_fill(logits < least, -torch.inf)
        if self.min_p > 0:
            p = logits.softmax(dim=1)
            logits = logits.masked_fill(p < self.min_p * p.amax(dim=1, keepdim=True), -torch.inf)
        if self.top_p < 1:
            ordered, order = logits.softmax(dim=1).sort(dim=1, descending=True)
            beyond = ordered.cumsum(dim=1) - ordered >= self.top_p
            beyond[:, 0] = False
            logits = logits.masked_fill(beyond.gather(1, order.argsort(dim=1)), -torch.inf)
        return logits

    def _bias_of(self, size: int, device: torch.device) -> Tensor:
        """Return the bias of each token, float32 (size,); it is kept, as every generated token needs it."""
        if (size, device) not in self._biases:
            row = torch.zeros(size)
            row[torch.tensor([*self.bias])] = torch.tensor([*self.bias.values()], dtype=row.dtype)
            self._biases[size, device] = row.to(device)
        return self._biases[size, device]

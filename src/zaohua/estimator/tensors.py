"""Types of the tensor layer: encoded items, batches of tensors, and log-densities of tensors.

    items --encode_items--> Encoded --prepare_items--> ItemBatch(x, y, noise) ... x --decode_tensors--> items
    conditions --condition--> y

`x` and `y` are the inputs of networks. Tasks (inpainting, interpolation, classification ...) use these types; see
docs/tensors.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import ItemNoise, Noise, seeds_from_content
from zaohua.core.record import Condition, Record, hidden
from zaohua.core.spec import DataSpec

if TYPE_CHECKING:
    from zaohua.modalities.base import Codes
    from zaohua.modalities.condition_base import ConditionCodes


@dataclass(frozen=True, eq=False)
class Encoded:
    """Items and their conditions as codes, the compact form that codecs encode them in.

    Attributes:
        codes: codes of the items, (n, ...), indexed by an integer array.
        y_codes: codes of their conditions, (n, ...); None without conditions.
    """

    codes: Codes
    y_codes: ConditionCodes | None = None

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, rows: np.ndarray) -> Encoded:
        """Return the items at indices `rows`, int64 (b,), in that order."""
        return Encoded(self.codes[rows], None if self.y_codes is None else self.y_codes[rows])


class ItemBatch(NamedTuple):
    """Batch of items as tensors for networks, on the model's device.

    Attributes:
        x: the items, (B, *spec_.tensor_shape).
        y: their conditions, (B, ...); None without conditions.
        noise: source of random numbers that depend on each item's content only, so that the score of an item doesn't
            depend on the batch.
    """

    x: Tensor
    y: Condition | None
    noise: Noise


@dataclass(frozen=True)
class LogProb:
    """Function x (B, ...) -> log p(x | y) in nats per item, (B,); see `GenerativeModel.log_prob_fn`.

    Attributes:
        log_prob: the model's primitive, (x, y, noise) -> (B,).
        y: the conditions, (B, ...) or (1, ...); None for an unconditional model.
        salt: seed of the random numbers of bounds and estimates.
    """

    log_prob: Callable[[Tensor, Condition | None, Noise], Tensor]
    y: Condition | None
    salt: int

    def __call__(self, x: Tensor, noise: Noise | None = None) -> Tensor:
        """Evaluate log p(x | y).

        Args:
            x: items as tensors for networks, (B, ...).
            noise: source of random numbers of bounds and estimates; by default it depends on the content of x.
        """
        if noise is None:
            noise = ItemNoise(seeds_from_content(x, self.salt), x.device)
        return self.log_prob(x, expand_condition(self.y, len(x)), noise)


def expand_condition(y: Condition | None, n: int) -> Condition | None:
    """Repeat a single condition (1, ...) for n items; return n conditions unchanged.

    Raises:
        ZaohuaError: there are several conditions, but not n.
    """
    if y is None or len(y) == n:
        return y
    if len(y) != 1:
        raise ZaohuaError(f"{n} items but {len(y)} conditions: give one, or one for each item")
    if isinstance(y, Record):
        return y.repeat_interleave(n)
    return y.expand(n, *y.shape[1:])


def unknown_labels(codes: ConditionCodes) -> np.ndarray:
    """Return which conditions are labels that the model doesn't know, coded as -1, bool (n,)."""
    if not isinstance(codes, Tensor) or codes.ndim != 1 or codes.is_floating_point():
        return np.zeros(len(codes), bool)
    unknown: np.ndarray = (codes < 0).cpu().numpy()
    return unknown


def hiding_unknown(y: Condition) -> Condition:
    """Return conditions with labels of -1, which are missing, as hidden from the networks; others unchanged."""
    if isinstance(y, Record) or y.ndim != 1 or y.is_floating_point() or not bool((y < 0).any()):
        return y
    return hidden(y.clamp(min=0), y >= 0)


def invalid_rows(x: Tensor, spec: DataSpec) -> Tensor:
    """Return a mask of the items with numbers that are NaN or infinite, bool (n,).

    A number of a table's row may be NaN where its category says that there is none.
    """
    if not spec.is_row:
        return ~x.flatten(1).isfinite().all(1)
    invalid = ~x.isfinite()
    for index, feature in enumerate(spec.features):
        if feature.given is not None:
            category, numbers = feature.given
            invalid[:, index] &= (x[:, category] < numbers) | x[:, index].isinf()
    return invalid.any(1)


def chunks(n: int, size: int = 256) -> Iterator[slice]:
    """Split range(n) into consecutive slices of at most `size`."""
    return (slice(start, min(start + size, n)) for start in range(0, n, size))


def to_cpu(x: Tensor) -> Tensor:
    """Move a tensor to the CPU, as float64 where it is that already and as float32 otherwise."""
    return x.cpu() if x.dtype == torch.float64 else x.float().cpu()

"""What the conditions of models consist of, for judges of fidelity: decided by their codecs and specs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from zaohua.core.noise import ItemNoise, derive_seed
from zaohua.core.spec import DataSpec
from zaohua.estimator.base import GenerativeModel
from zaohua.evaluation.given import Given, Kind
from zaohua.modalities.choosing import collected
from zaohua.modalities.condition_base import ConditionCodec
from zaohua.modalities.records.codec import RecordCodec

TOGETHER = 256
"""Number of conditions that are encoded at once."""


def given_of(models: Sequence[GenerativeModel]) -> list[Given]:
    """Return the parts of the conditions of the first model that has conditions; none without one."""
    codec = next((model.y_codec_ for model in models if model.y_codec_ is not None), None)
    if codec is None:
        return []
    if isinstance(codec, RecordCodec):
        only = list(codec.codecs_) == [RecordCodec.ONLY]
        return [_given("" if only else name, part) for name, part in codec.codecs_.items()]
    return [_given("", codec)]


def _given(name: str, codec: ConditionCodec) -> Given:
    spec = codec.spec_
    kind = _kind(codec.modality, spec)
    to_values: Callable[[Sequence[object]], Sequence[object] | np.ndarray] = list
    if kind == "tensors":
        to_values = _Tensors(codec)
    elif kind == "texts" and codec.modality != "texts":
        to_values = _Tokens(codec)
    return Given(name, kind, to_values, spec.axes)


def _kind(modality: str, spec: DataSpec) -> Kind:
    """Return of what kind conditions are."""
    if modality == "texts":
        return "texts"
    if spec.is_row or (not spec.is_category and spec.axes and spec.shape is not None):
        return "tensors"
    if not spec.is_category:
        return "" if spec.axes else "numbers"
    if not spec.axes:
        return "labels"
    return "tags" if spec.axes == ("member",) else "texts"


class _Tensors:
    """Conversion of conditions to tensors of one shape."""

    def __init__(self, codec: ConditionCodec):
        self._codec = codec

    def __call__(self, conditions: Sequence[object]) -> np.ndarray:
        """Return the tensors for the networks, float32 (n, ...)."""
        blocks = [conditions[i : i + TOGETHER] for i in range(0, len(conditions), TOGETHER)]
        return np.concatenate([self._tensor(block).float().numpy() for block in blocks])

    def _tensor(self, conditions: Sequence[object]) -> torch.Tensor:
        codes = self._codec.encode(collected(conditions))
        noise = ItemNoise([derive_seed("evaluate", i) for i in range(len(conditions))])
        tensor: torch.Tensor = self._codec.prepare(codes[np.arange(len(conditions))], noise)
        return tensor


class _Tokens(_Tensors):
    """Conversion of sequences of tokens, such as music, to texts with a letter for each token."""

    def __call__(self, conditions: Sequence[object]) -> list[str]:  # type: ignore[override]  # other values
        """Return the texts."""
        rows = self._tensor(conditions).reshape(len(conditions), -1).long().tolist()
        return ["".join(chr(0x4E00 + token) for token in row if token >= 0) for row in rows]

"""Description of data as a model would be given them: what they are taken for, and every doubt about them."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from zaohua.estimator.base import GenerativeModel
from zaohua.estimator.encoding import TrainingData
from zaohua.modalities.base import Codec


class Reader(GenerativeModel[Codec]):
    """Model that learns nothing: its `fit` reads and encodes data of any kind exactly as that of other models does.

    What it was told is in `codec_`, `y_codec_` and `n_items_`, and listeners hear of it: see `estimator.listening`.
    """

    codec_types: ClassVar[tuple[type[Codec], ...]] = (Codec,)

    def _fit(self, data: TrainingData, *, out: object = None) -> None:
        """Learn nothing."""

    def _tensors(self) -> dict[str, Tensor]:
        return {}

    def _set_tensors(self, tensors: dict[str, Tensor]) -> None:
        """Restore nothing."""

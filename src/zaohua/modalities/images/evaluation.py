"""The protocol of images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from zaohua.evaluation.pictures import PictureProtocol
from zaohua.evaluation.results import Evaluation, Figure, Figures
from zaohua.evaluation.splits import Pictures, Splits, prepared
from zaohua.metrics.frechet import frechet_distance
from zaohua.metrics.inception import Inception
from zaohua.metrics.score import classifier_score
from zaohua.modalities.images.show import visible


class ImageProtocol(PictureProtocol):
    """What all models of images of a comparison are measured by.

    Args:
        splits: real `Pictures`.
        n: samples, and test pictures to compare them with; fewer if there are fewer.
        seed: of the extractors, and of what is drawn.
        inception: file with the weights of the standard Inception network (see `metrics.inception`), for FID.

    Attributes:
        inception: the standard Inception network, if its weights were given.

    Raises:
        ZaohuaError: there are too few pictures.
    """

    modality = "images"
    noun = "pictures"
    options: ClassVar[tuple[str, ...]] = ("inception",)

    def __init__(self, splits: Splits, n: int = 10_000, seed: int = 0, inception: str | Path | None = None):
        super().__init__(splits, n, seed)
        self.inception = None if inception is None else Inception.load(inception)
        self._real_inception = None if self.inception is None else self.inception.features(self.test.values)

    @classmethod
    def items(cls, model: Any, items: Any, labels: Any) -> Pictures:
        """Return real pictures of the size, channels and levels of the model's."""
        return Pictures.of(model, items, labels, _decoded)

    @classmethod
    def describe(cls, model: Any) -> str:
        """Describe the size, the channels and the levels of the pictures that a model makes."""
        spec = model.spec_
        height, width = spec.shape
        levels = f", {spec.levels} levels" if spec.levels else ""
        return f"pictures of {width} x {height} with {spec.channels} channel{'s' if spec.channels > 1 else ''}{levels}"

    @classmethod
    def bits_measure(cls, model: Any) -> str:
        """Return the measure of likelihoods in bits per pixel and channel."""
        return "bits_per_dim"

    def to_measured(self, model: Any, block: Any) -> np.ndarray:
        """Return 8-bit pictures."""
        return visible(model, block)

    def measure(self, samples: np.ndarray, conditions: Sequence[Any] | None = None, copies: bool = True) -> Figures:
        """Return all figures of some samples, FID and the Inception score where the weights of that network are given.

        Args:
            samples: uint8, as many as test pictures.
            conditions: the labels for which they were made.
            copies: whether to search for copies of training pictures.
        """
        figures = super().measure(samples, conditions, copies)
        if self.inception is None or self._real_inception is None:
            return figures
        x, n = self.inception.features(samples), len(samples)
        return {
            **figures,
            "fid": Figure(frechet_distance(x, self._real_inception), n=n, note=self.inception.hash),
            "inception_score": Figure(classifier_score(self.inception.classify(x)), n=n),
        }

    def matches(self, found: Evaluation) -> bool:
        """Return whether an evaluation was made by this protocol, FID included if that was asked for."""
        fid = found.figures.get("fid")
        return super().matches(found) and (
            self.inception is None or (fid is not None and fid.note == self.inception.hash)
        )


def _decoded(model: Any, codes: Tensor) -> np.ndarray:
    """Return some encoded pictures as a model learns them, uint8."""
    return visible(model, model.codec_.decode(prepared(model, codes)))

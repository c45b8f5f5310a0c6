"""Protocol for data that is measured as 8-bit pictures: images, and spectrograms of sounds.

Distances are computed in the features of a small classifier trained on the training split, or of random convolutions if
there are no labels, and checked in those of others.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from zaohua.evaluation.features import FeatureProtocol
from zaohua.evaluation.fidelity import Counts
from zaohua.evaluation.likeness import pictures_alike
from zaohua.evaluation.model import Model
from zaohua.evaluation.splits import Items, Pictures
from zaohua.metrics.extractor import MIN_ITEMS, Classifier
from zaohua.metrics.extractor_base import Extractor
from zaohua.metrics.untrained import Pca, RandomConvolutions
from zaohua.storage.layout import cache_folder


class PictureProtocol(FeatureProtocol):
    """Protocol for items whose values are uint8 pictures.

    Attributes:
        min_items: minimum number of items in the training of the classifier.
    """

    train: Pictures
    test: Pictures
    part: ClassVar[str] = "pixels"
    min_items: ClassVar[int] = MIN_ITEMS

    def make_extractors(self, train: Items) -> list[Extractor]:
        """Return a classifier, if there are several classes of labels, and two untrained extractors."""
        found: list[Extractor] = []
        classes = self.class_labels(train)
        if classes is not None and len(set(classes)) > 1:
            folder = cache_folder() / "extractors"
            found.append(
                Classifier.cached(train.values, classes, folder, random_state=self.seed, min_items=self.min_items)
            )
        return [*found, RandomConvolutions(train.values, self.seed), Pca(train.values, self.seed)]

    def likeness(self, model: Model, samples: object, rows: np.ndarray) -> Counts:
        """Count PSNR and SSIM."""
        measured = self.to_measured(model, samples)
        return pictures_alike(measured.reshape(len(rows), -1, *measured.shape[1:]), self.test.values[rows])

    def flags(self, samples: np.ndarray) -> list[str]:
        """Return warnings about the reliability of the figures of samples."""
        found = super().flags(samples)
        if self.classifier is None:
            found.append("the data carry no labels, so distances are computed in the features of random convolutions")
        elif len(set(self.class_labels(self.test) or [])) == 1:
            found.append(f"the test {self.noun} are of one class only: recall says nothing about the others")
        return found

    def to_values(self, x: np.ndarray) -> np.ndarray:
        """Convert numbers to 8-bit pictures."""
        return super().to_values(np.rint(np.clip(x, 0, 255)))

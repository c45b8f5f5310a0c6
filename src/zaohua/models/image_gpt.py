"""The transformer over pixels."""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.core.spec import DataSpec
from zaohua.families.autoregressive.pixels import PixelModel
from zaohua.families.autoregressive.transformer import CausalTransformer
from zaohua.families.likelihoods import Categorical, Likelihood
from zaohua.modalities.images.codec import ImageCodec
from zaohua.nn.image_gpt import PixelTransformer


class ImageGPT(CausalTransformer[ImageCodec], PixelModel):
    """Transformer over the numbers of an image, pixel by pixel, red, green and blue in turn.

    The levels of a number (2, 17, 256 ...) are tokens without order.

    Paper: Chen et al., "Generative Pretraining from Pixels", 2020; with the parts of `GPT`.
    """

    tiny: ClassVar[Json] = {"width": 16, "layers": 2, "heads": 2, "max_steps": 20, "batch_size": 8}

    width = 128
    layers = 4
    batch_size = 32

    def likelihood(self, spec: DataSpec) -> Likelihood:
        """Return a categorical distribution over the levels.

        Raises:
            ZaohuaError: there are no levels, or too many.
        """
        if spec.levels is None or spec.levels > 256:
            raise ZaohuaError(
                "ImageGPT takes pixels of 2 to 256 equally spaced values: round them to 8 bits first, or take PixelCNN"
            )
        return Categorical(spec.levels)

    def network(self, spec: DataSpec, y_spec: DataSpec | None, outputs: int) -> nn.Module:
        """Build a causal transformer over all numbers of an image."""
        vocabulary = outputs // spec.channels + 1
        return PixelTransformer(self.transformer(vocabulary, y_spec, spec.size, places=True), spec)

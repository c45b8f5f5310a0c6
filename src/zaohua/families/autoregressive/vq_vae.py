"""Vector-quantised autoencoders: an image as a grid of codes, a decoder p(x | codes), and a prior p(codes | y).

The decoder's gradient is passed straight through the choice of the nearest vector to the encoder; distances draw the
chosen vectors and the encoder's output to each other. An autoregressive prior of the codes is trained in the same
steps.

    log p(x | y) = log sum_k p(k | y) p(x | k) >= log p(k(x) | y) + log p(x | k(x)),    k(x) the codes of x.

Source: van den Oord, Vinyals and Kavukcuoglu, "Neural Discrete Representation Learning", 2017 (arXiv:1711.00937).
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, ClassVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zaohua.core.noise import Noise
from zaohua.core.params import Between, Sampling
from zaohua.core.record import Condition
from zaohua.estimator.methods import ScoreKind
from zaohua.families.autoregressive.decoding import Decoder, generate, guided
from zaohua.families.autoregressive.token_sampler import TokenSampler
from zaohua.families.guidance import Guided
from zaohua.families.likelihoods import Likelihood, likelihood_of
from zaohua.modalities.base import GridCodec
from zaohua.nn.quick import quick
from zaohua.nn.vq import Codebook
from zaohua.training.events import Batch


class VectorQuantizedAutoencoder(Guided[GridCodec]):
    """Base of vector-quantised autoencoders.

    Nets: `encoder(x) -> (B, dim, h, w)`, `codebook` (`nn.vq.Codebook`), `decoder(vectors)`, and `prior(tokens, y, keep)
    -> logits` with `start` and `step`, whose last token, `codes`, begins every sequence.
    """

    phases: ClassVar[dict[str, tuple[str, ...]]] = {"codes": ("encoder", "codebook", "decoder"), "prior": ("prior",)}
    score_kind: ClassVar[ScoreKind] = "lower_bound"
    encodes_y: ClassVar[bool] = False
    normal_latents: ClassVar[bool] = False

    codes: Annotated[int, Between(2, 65536)] = 256
    """Number of vectors in the codebook."""
    code_dim: Annotated[int, Between(1)] = 16
    """Dimension of a vector."""
    commitment: Annotated[float, Between(0)] = 0.25
    """Weight of the commitment loss, which draws the encoder to the chosen vectors."""
    temperature: Annotated[float, Between(0, 100), Sampling] = 1.0
    """Randomness of the codes of samples: 1 draws from the prior, 0 takes the most likely code each time."""
    top_p: Annotated[float, Between(0, 1), Sampling] = 1.0
    """Total probability of the most likely codes to draw from (nucleus sampling)."""
    observation_noise: Annotated[bool, Sampling] = False
    """Whether samples are draws from p(x | codes) instead of its mean."""
    batch_size = 128
    max_grad_norm = 200.0

    @property
    def likelihood(self) -> Likelihood:
        """Likelihood p(x | decoder's output) for the data's type."""
        return likelihood_of(self.spec_)

    def loss(self, nets: nn.ModuleDict, batch: Batch, phase: str) -> Tensor:
        """Return -log p(x | codes) and distances for the phase "codes", -log p(codes) for "prior", (B,) nats."""
        if phase == "prior":
            with torch.no_grad():
                codes = self._codes(nets, batch.x)
            return -self._log_prior(nets, codes, batch.y, self.condition_mask(batch)).sum(1)
        z, codebook = nets["encoder"](batch.x).float(), self._codebook(nets)
        vectors = codebook(codebook.nearest(z.detach()))
        distance = (z.detach() - vectors).square() + self.commitment * (z - vectors.detach()).square()
        straight_through = z + (vectors - z).detach()  # the vectors' values with the encoder's gradient
        loss: Tensor = distance.flatten(1).sum(1) - self.likelihood.log_prob(nets["decoder"](straight_through), batch.x)
        return loss

    @staticmethod
    def _codebook(nets: nn.ModuleDict) -> Codebook:
        return cast(Codebook, nets["codebook"])

    def _codes(self, nets: nn.ModuleDict, x: Tensor) -> Tensor:
        """Return the codes of images, int64 (B, h, w)."""
        return self._codebook(nets).nearest(nets["encoder"](x))

    def _log_prior(self, nets: nn.ModuleDict, codes: Tensor, y: Condition | None, keep: Tensor | None = None) -> Tensor:
        """Return log p(code | codes before, y) of each code, row by row, (B, h w) nats."""
        tokens = F.pad(codes.flatten(1), (1, 0), value=self.codes)
        logits = nets["prior"](tokens[:, :-1], y, keep)[..., : self.codes]
        nats = F.cross_entropy(logits.flatten(0, 1).float(), tokens[:, 1:].flatten(), reduction="none")
        return -nats.view(len(codes), -1)

    @property
    @abstractmethod
    def grid(self) -> tuple[int, int]:
        """Height and width of the grid of codes."""

    # ---- primitives

    def log_prob(self, x: Tensor, y: Condition | None, noise: Noise) -> Tensor:
        """Return log p(k | y) + log p(x | k) at the codes k of x, nats (B,)."""
        codes = self._codes(self.nets_, x)
        log_p = self.likelihood.log_prob(self.nets_["decoder"](self.nets_["codebook"](codes)), x)
        return self._log_prior(self.nets_, codes, y).sum(1) + log_p

    def bound_by_place(self, x: Tensor, y: Condition | None, noise: Noise) -> tuple[Tensor, Tensor]:
        """Return the terms of -`log_prob`: -log p(x | codes) by place, nats (B, ...), and -log p(code) (B, h w)."""
        codes = self._codes(self.nets_, x)
        terms = self.likelihood.terms(self.nets_["decoder"](self.nets_["codebook"](codes)), x)
        return -terms, -self._log_prior(self.nets_, codes, y)

    @property
    def latent_size(self) -> int:
        """Number of codes of an item."""
        return self.grid[0] * self.grid[1]

    def encode(self, x: Tensor, y: Condition | None, noise: Noise) -> Tensor:
        """Return the codes of x as floats, row by row, (B, h w)."""
        return self._codes(self.nets_, x).flatten(1).float()

    def decode(self, z: Tensor, y: Condition | None) -> Tensor:
        """Return the mean of p(x | codes), (B, ...); z is rounded to the nearest codes."""
        return self.likelihood.mean(self._decoded(z.round().long().clamp(0, self.codes - 1)))

    def _decoded(self, codes: Tensor) -> Tensor:
        """Return the parameters of p(x | codes) for codes (B, h w)."""
        out: Tensor = self.nets_["decoder"](self.nets_["codebook"](codes.view(-1, *self.grid)))
        return out

    def draw(self, noise: Noise, y: Condition | None) -> Tensor:
        """Draw codes from the prior; return the decoder's mean, or a draw with `observation_noise`."""
        prior = cast(Decoder, quick(self.nets_["prior"]))
        net = prior if y is None else guided(prior, self.guide)
        length = self.grid[0] * self.grid[1]
        begin = torch.full((noise.n, 1), self.codes, device=self.device_)
        choice = TokenSampler(self.temperature, top_p=self.top_p, bias={self.codes: -torch.inf})
        tokens = generate(net, begin, noise.uniform(length), choice, context=length, y=y)
        parameters = self._decoded(torch.stack(list(tokens), dim=1))
        return self.likelihood.draw(parameters, noise) if self.observation_noise else self.likelihood.mean(parameters)

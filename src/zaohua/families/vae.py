"""Variational autoencoders: a latent z, a decoder p(x | z), an encoder q(z | x), and a bound on log p(x).

    log p(x) >= E_q [log p(x | z)] - KL(q(z | x) || N(0, 1))                   (the ELBO, K = 1)
    log p(x) >= E_q log 1/K sum_k p(x, z_k) / q(z_k | x)                       (the importance-weighted bound)

Sources: Kingma and Welling, "Auto-Encoding Variational Bayes", 2013; Burda, Grosse and Salakhutdinov, "Importance
Weighted Autoencoders", 2015; Higgins et al., "beta-VAE", 2017; Kingma et al., "Improved Variational Inference with
Inverse Autoregressive Flow", 2016 (free bits).
"""

from __future__ import annotations

import math
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn

from zaohua.core.noise import Noise
from zaohua.core.params import Between, Sampling
from zaohua.core.record import Condition
from zaohua.estimator.encoding import CodecT
from zaohua.estimator.methods import ScoreKind
from zaohua.families.likelihoods import Likelihood, likelihood_of
from zaohua.training.events import Batch
from zaohua.training.trainable import Trainable


class VariationalAutoencoder(Trainable[CodecT]):
    """Base of VAEs, with nets `encoder(x, y) -> (B, 2 latent_dim)` and `decoder(z, y) -> (B, parameters, ...)`."""

    phases: ClassVar[dict[str, tuple[str, ...]]] = {"vae": ("encoder", "decoder")}
    score_kind: ClassVar[ScoreKind] = "lower_bound"

    latent_dim: Annotated[int, Between(1)] = 32
    """Dimension of z."""
    beta: Annotated[float, Between(0)] = 1.0
    """Weight of the KL term."""
    free_bits: Annotated[float, Between(0)] = 0.0
    """Nats per dimension of z that the KL term doesn't penalise."""
    kl_warmup: Annotated[float, Between(0, 1)] = 0.05
    """Fraction of the training over which the weight of the KL term rises from zero."""
    importance_samples: Annotated[int, Between(1)] = 1
    """Samples of z per item in training; more than one trains the importance-weighted bound (IWAE)."""
    score_importance_samples: Annotated[int, Between(1), Sampling(scores=True)] = 100
    """Number of importance samples (K) in the bound of `score_samples`."""
    temperature: Annotated[float, Between(0, 10), Sampling] = 0.7
    """Standard deviation of z in sampling: 1 is the prior's; below it samples are clearer and less varied."""
    observation_noise: Annotated[bool, Sampling] = False
    """Whether samples are draws from p(x | z) instead of its mean."""
    batch_size = 128
    learning_rate = 2e-3
    beta2 = 0.999
    max_grad_norm = 200.0

    @property
    def likelihood(self) -> Likelihood:
        """Likelihood p(x | decoder's output) for the data's type."""
        return likelihood_of(self.spec_)

    def loss(self, nets: nn.ModuleDict, batch: Batch, phase: str) -> Tensor:
        """Return the negative bound, (B,) nats."""
        mean, log_var = nets["encoder"](batch.x, batch.y).float().chunk(2, dim=1)
        weight = self.beta * (min(1.0, batch.progress / self.kl_warmup) if self.kl_warmup else 1.0)
        if self.importance_samples > 1:
            noise = batch.noise.normal(self.importance_samples, self.latent_dim)
            log_w = self._log_weights(nets, batch.x, batch.y, mean, log_var, noise, weight)
            return math.log(self.importance_samples) - torch.logsumexp(log_w, dim=1)
        z = mean + torch.exp(log_var / 2) * batch.noise.normal(self.latent_dim)
        kl = 0.5 * (mean**2 + log_var.exp() - 1 - log_var)
        if self.free_bits:
            kl = kl.mean(0).clamp(min=self.free_bits).expand_as(kl)
        loss: Tensor = weight * kl.sum(1) - self.likelihood.log_prob(nets["decoder"](z, batch.y), batch.x)
        return loss

    def _log_weights(
        self,
        nets: nn.ModuleDict,
        x: Tensor,
        y: Condition | None,
        mean: Tensor,
        log_var: Tensor,
        noise: Tensor,
        beta: float = 1.0,
    ) -> Tensor:
        """Return log importance weights log p(x | z) + beta (log p(z) - log q(z | x)), (B, K).

        Here z = mean + e^(log_var / 2) noise, with noise (B, K, d)."""
        k = noise.shape[1]
        z = mean[:, None] + torch.exp(log_var / 2)[:, None] * noise
        log_ratio = 0.5 * (noise**2 + log_var[:, None] - z**2).sum(2)
        repeated_y = None if y is None else y.repeat_interleave(k, dim=0)
        log_p = self.likelihood.log_prob(nets["decoder"](z.flatten(0, 1), repeated_y), x.repeat_interleave(k, dim=0))
        return log_p.view(-1, k) + beta * log_ratio

    # ---- primitives

    def log_prob(self, x: Tensor, y: Condition | None, noise: Noise) -> Tensor:
        """Return the importance-weighted bound with `score_importance_samples` samples, nats (B,)."""
        mean, log_var = self.nets_["encoder"](x, y).float().chunk(2, dim=1)
        drawn = noise.normal(self.score_importance_samples, self.latent_dim)  # one draw, evaluated in parts
        parts = [
            self._log_weights(self.nets_, x, y, mean, log_var, part)
            for part in drawn.split(max(1, 2048 // len(x)), dim=1)
        ]
        return torch.logsumexp(torch.cat(parts, dim=1), dim=1) - math.log(self.score_importance_samples)

    def bound_by_place(self, x: Tensor, y: Condition | None, noise: Noise, draws: int = 16) -> tuple[Tensor, Tensor]:
        """Return the terms of the negative ELBO: -log p(x | z) by place, nats (B, ...), and KL by latent.

        The reconstruction is the mean over some draws of z. `log_prob` is the tighter, importance-weighted bound.
        """
        mean, log_var = self.nets_["encoder"](x, y).float().chunk(2, dim=1)
        drawn = noise.normal(draws, self.latent_dim).unbind(1)
        each = (self.nets_["decoder"](mean + torch.exp(log_var / 2) * e, y) for e in drawn)
        total = torch.stack([self.likelihood.terms(parameters, x) for parameters in each]).mean(0)
        return -total, 0.5 * (mean**2 + log_var.exp() - 1 - log_var)

    def draw(self, noise: Noise, y: Condition | None) -> Tensor:
        """Draw z ~ N(0, temperature^2) and return the decoder's mean, or a draw with `observation_noise`."""
        parameters = self.nets_["decoder"](self.temperature * noise.normal(self.latent_dim), y)
        return self.likelihood.draw(parameters, noise) if self.observation_noise else self.likelihood.mean(parameters)

    @property
    def latent_size(self) -> int:
        """Dimension of z."""
        return self.latent_dim

    def encode(self, x: Tensor, y: Condition | None, noise: Noise) -> Tensor:
        """Return the mean of q(z | x), (B, latent_dim)."""
        out: Tensor = self.nets_["encoder"](x, y).float().chunk(2, dim=1)[0]
        return out

    def decode(self, z: Tensor, y: Condition | None) -> Tensor:
        """Return the mean of p(x | z), (B, ...)."""
        return self.likelihood.mean(self.nets_["decoder"](z, y))

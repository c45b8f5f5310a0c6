"""The variational autoencoder of tables."""

from __future__ import annotations

from typing import Annotated, ClassVar

from torch import Tensor, nn

from zaohua.core.json import Json
from zaohua.core.noise import Noise
from zaohua.core.params import Between
from zaohua.core.record import Condition
from zaohua.core.spec import DataSpec
from zaohua.estimator.columns import Tabular
from zaohua.families.likelihoods import likelihood_of
from zaohua.families.vae import VariationalAutoencoder
from zaohua.modalities.tables.codec import TableCodec
from zaohua.nn.mlp import MLP, Flat


class TVAE(Tabular, VariationalAutoencoder[TableCodec]):
    """Variational autoencoder of tables, with numbers relative to the modes of their columns.

    Unlike in the paper, the bound isn't weighted (its KL term counts in full), the standard deviation of a number is
    predicted from z, and weights are averaged.

    Paper: Xu et al., "Modeling Tabular Data using Conditional GAN", 2019 (arXiv:1907.00503).
    """

    tiny: ClassVar[Json] = {
        "hidden": 16,
        "latent_dim": 4,
        "max_steps": 30,
        "batch_size": 32,
        "score_importance_samples": 8,
    }
    codec_options: ClassVar[Json] = {"numbers": "modes"}
    marginalises: ClassVar[bool] = True
    encodes_y: ClassVar[bool] = False
    default_steps: ClassVar[int] = 10_000

    hidden: Annotated[int, Between(1)] = 256
    """Width of the hidden layers of encoder and decoder."""
    layers: Annotated[int, Between(1)] = 2
    """Number of hidden layers of each."""
    latent_dim = 64
    batch_size = 500
    learning_rate = 1e-3
    temperature = 1.0
    observation_noise = True

    def build(self, spec: DataSpec, y_spec: DataSpec | None) -> nn.ModuleDict:
        """Build two perceptrons: rows to mean and log variance of z, and z to the parameters of a row's likelihood.

        The encoder sees rows only, so that rows without labels can be transformed.
        """
        n_codes, n_parameters = 2 * self.latent_dim, likelihood_of(spec).outputs(spec.channels)
        encoder = Flat(MLP(spec, None, out_dim=n_codes, hidden=self.hidden, layers=self.layers), (n_codes,))
        decoder = Flat(
            MLP(self.latent_dim, y_spec, out_dim=n_parameters, hidden=self.hidden, layers=self.layers), (n_parameters,)
        )
        return nn.ModuleDict({"encoder": encoder, "decoder": decoder})

    def log_prob(self, x: Tensor, y: Condition | None, noise: Noise) -> Tensor:
        """Return the importance-weighted bound of rows in the columns' own units, nats (B,)."""
        _, _, log_slope = self.codec_.cells(x)
        return super().log_prob(x, y, noise) + log_slope.sum(1).to(x.device)

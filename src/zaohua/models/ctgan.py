"""The conditional GAN of tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.core.noise import BatchNoise, Noise, derive_seed
from zaohua.core.params import Between
from zaohua.core.record import Condition
from zaohua.core.spec import DataSpec
from zaohua.core.stored import Stored
from zaohua.estimator.columns import Tabular
from zaohua.estimator.encoding import TrainingData
from zaohua.estimator.tensors import chunks
from zaohua.families.gan import WassersteinGAN
from zaohua.families.row_conditions import Conditions
from zaohua.families.rows import gumbel
from zaohua.modalities.tables.codec import TableCodec
from zaohua.nn.row_gan import PackedCritic, RowGenerator
from zaohua.nn.rows import RowLayout
from zaohua.training.events import Batch


class CTGAN(Tabular, WassersteinGAN[TableCodec]):
    """Wasserstein GAN of tables, conditioned on rare categories more often than they occur.

    Unlike in the paper, both networks learn from one pass over the same fakes, the generator's weights are averaged and
    its layers use layer normalisation (both bring rows closer to the real ones, as measured), its numbers aren't
    squashed, and modes of numbers are conditions as categories are. With labels (y) the label is the only condition.

    Paper: Xu et al., "Modeling Tabular Data using Conditional GAN", 2019 (arXiv:1907.00503).
    """

    tiny: ClassVar[Json] = {"hidden": 16, "latent_dim": 8, "max_steps": 8, "batch_size": 20, "pac": 5}
    codec_options: ClassVar[Json] = {"numbers": "modes"}
    default_steps: ClassVar[int] = 12_000

    hidden: Annotated[int, Between(1)] = 256
    """Width of the hidden layers of generator and critic."""
    layers: Annotated[int, Between(1)] = 2
    """Number of hidden layers of each."""
    pac: Annotated[int, Between(1)] = 10
    """Number of rows that the critic scores together (PacGAN)."""
    dropout: Annotated[float, Between(0, 0.9)] = 0.5
    """Dropout probability in the critic."""
    tau: Annotated[float, Between(above=0)] = 0.2
    """Temperature of the Gumbel-softmax of the generator's categories; lower values are closer to one-hot."""
    update: Literal["alternating", "simultaneous"] = "simultaneous"
    """Whether the networks are trained in turn on separate fakes, or both in one pass over the same fakes."""
    latent_dim = 128
    n_critic = 1
    batch_size = 500
    beta1 = 0.5
    beta2 = 0.9

    counts_ = Stored[list[float]]([], key="counts")

    def why_not_private(self) -> str:
        """Return that rows are scored together."""
        return f"its critic scores {self.pac} rows together, and it draws rows of rare categories more often"

    def plan(self) -> tuple[str, ...]:
        """Return the critic's phase, then the generator's, or both in one."""
        return ("both",) if self.update == "simultaneous" else super().plan()

    def build(self, spec: DataSpec, y_spec: DataSpec | None) -> nn.ModuleDict:
        """Build a generator of normalised layers, and a critic of packs of rows."""
        width = RowLayout(spec).width
        condition_size = RowLayout(spec).one_hots if y_spec is None else 0
        generator = RowGenerator(
            self.latent_dim + condition_size, y_spec, out_dim=width, hidden=self.hidden, layers=self.layers
        )
        critic = PackedCritic(
            width + condition_size,
            y_spec,
            pac=self.pac,
            hidden=self.hidden,
            layers=self.layers,
            dropout=self.dropout,
        )
        return nn.ModuleDict({"discriminator": critic, "generator": generator})

    # ---- conditions: a category of each row, without labels

    def rows(self, data: TrainingData) -> TrainingData:
        """Return the rows as they are; count the rows of each category."""
        counts = [one_hot.double().sum(0) for one_hot in self._one_hots(data)]
        self.counts_ = torch.stack(counts).sum(0).tolist()
        return data

    def row_weights(self, data: TrainingData) -> np.ndarray | None:
        """Return weights that sample rows with rare categories more often."""
        conditions = self.conditions
        if conditions is None:
            return None
        return torch.cat([conditions.weights(one_hot) for one_hot in self._one_hots(data)]).numpy()

    def _one_hots(self, data: TrainingData) -> Iterator[Tensor]:
        for block, rows in enumerate(chunks(len(data.x), 4096)):
            codes = data.x[np.arange(rows.start, rows.stop)]
            noise = BatchNoise(derive_seed(self.seed_, "rows", block), len(codes))
            yield self.layout.one_hot(self.prepare(codes, noise))

    @property
    def layout(self) -> RowLayout:
        """Layout of the features."""
        return RowLayout(self.spec_)

    @property
    def conditions(self) -> Conditions | None:
        """Distribution of the conditions; None with labels, or in a table without categories."""
        layout = self.layout
        if self.y_spec_ is not None or not layout.one_hots:
            return None
        return Conditions(layout, torch.tensor(self.counts_))

    # ---- training

    def _fakes(self, nets: nn.ModuleDict, noise: Noise, c: Tensor, y: Condition | None) -> tuple[Tensor, Tensor]:
        """Generate logits of the categories, and wide rows."""
        layout = self.layout
        out = nets["generator"](torch.cat([noise.normal(self.latent_dim), c], dim=1), y).float()
        logits, numbers = out.split([layout.one_hots, len(layout.reals)], dim=1)
        probabilities = layout.softmax((logits + gumbel(noise, layout.one_hots)) / self.tau)
        return logits, torch.cat([probabilities, numbers * layout.observed_probability(probabilities)], dim=1)

    def _real(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return wide rows and their conditions."""
        wide, conditions = self.layout.wide(batch.x), self.conditions
        one_hot = wide[:, : self.layout.one_hots]
        return wide, one_hot[:, :0] if conditions is None else conditions.of(one_hot, batch.noise)

    def _critic_loss(self, nets: nn.ModuleDict, batch: Batch, x: Tensor, fakes: Tensor) -> Tensor:
        """Return D(fakes) - D(x) + penalty, (B,), the same for all rows of a pack."""
        real, fake = self.judge(nets, x, fakes, batch.y)
        mix = batch.noise.uniform(1)[:: self.pac].repeat_interleave(self.pac, dim=0)
        penalty = self.penalty(lambda x: nets["discriminator"](x, batch.y), x, fakes.detach(), mix)
        return (fake - real + penalty).repeat_interleave(self.pac)

    def _condition_loss(self, logits: Tensor, c: Tensor) -> Tensor:
        """Return -log p of the category that the generator was conditioned on, (B,)."""
        if not c.shape[1]:
            return logits.new_zeros(len(logits))
        others = self.layout.sum_per_feature(c) == 0
        return logits.masked_fill(others, -torch.inf).logsumexp(1) - (c * logits).sum(1)

    def discriminator_loss(self, nets: nn.ModuleDict, batch: Batch) -> Tensor:
        """Return D(G(z, c)) - D(x, c) + penalty, (B,)."""
        wide, c = self._real(batch)
        with torch.no_grad():
            _, fakes = self._fakes(nets, batch.noise, c, batch.y)
        return self._critic_loss(nets, batch, torch.cat([wide, c], dim=1), torch.cat([fakes, c], dim=1))

    def generator_loss(self, nets: nn.ModuleDict, batch: Batch) -> Tensor:
        """Return -D(G(z, c)) - log p(c), (B,)."""
        _, c = self._real(batch)
        logits, fakes = self._fakes(nets, batch.noise, c, batch.y)
        scores = nets["discriminator"](torch.cat([fakes, c], dim=1), batch.y).squeeze(1)
        loss: Tensor = self._condition_loss(logits, c) - scores.repeat_interleave(self.pac)
        return loss

    def loss_of_both(self, nets: nn.ModuleDict, batch: Batch) -> Tensor:
        """Return the critic's loss and -log p(c), (B,); the gradient is reversed for the generator."""
        wide, c = self._real(batch)
        logits, fakes = self._fakes(nets, batch.noise, c, batch.y)
        if fakes.requires_grad:
            fakes.register_hook(torch.neg)
        loss = self._critic_loss(nets, batch, torch.cat([wide, c], dim=1), torch.cat([fakes, c], dim=1))
        return loss + self._condition_loss(logits, c)

    # ---- sampling

    def generate(self, nets: nn.ModuleDict, noise: Noise, y: Condition | None) -> Tensor:
        """Generate wide fakes (n, width), with conditions as frequent as in training."""
        conditions = self.conditions
        c = noise.normal(0) if conditions is None else conditions.frequent(noise)
        return self._fakes(nets, noise, c, y)[1]

    def draw(self, noise: Noise, y: Condition | None) -> Tensor:
        """Draw rows (n, features) from the averaged generator."""
        return self.layout.rows(self.generate(self.nets_, noise, y))

    def _check(self) -> None:
        super()._check()
        if self.batch_size % (self.pac * self.grad_accumulation):
            raise ZaohuaError(
                f"CTGAN: {option('batch_size', self.batch_size)} in {self.grad_accumulation} parts can't be packed by "
                f"{option('pac', self.pac)}: choose a multiple of {self.pac * self.grad_accumulation}"
            )

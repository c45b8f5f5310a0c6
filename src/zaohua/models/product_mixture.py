"""A mixture of products of densities, with exact likelihood and conditionals, and on request with privacy."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
import torch
from torch import Tensor

from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.core.noise import ItemNoise, Noise
from zaohua.core.notes import note
from zaohua.core.params import Between
from zaohua.core.record import Condition
from zaohua.estimator.columns import Tabular
from zaohua.estimator.encoding import TrainingData
from zaohua.families import mixture, mixture_fit
from zaohua.families.density import Parameters, PerClassDensity
from zaohua.families.private_release import COMPONENTS, Release, check_options
from zaohua.modalities.base import Codes, counted
from zaohua.modalities.tables.codec import TableCodec
from zaohua.modalities.tables.schema import read_schema
from zaohua.nn.rows import RowLayout


class ProductMixture(Tabular, PerClassDensity[TableCodec]):
    """Mixture of products of densities: exact likelihood, exact conditions on any columns, imputation.

    With `epsilon` it is fitted to noisy counts of columns and pairs of columns, and is differentially private.

    Paper: Lazarsfeld and Henry, "Latent Structure Analysis", 1968; McLachlan and Peel, "Finite Mixture Models", 2000.
    """

    tiny: ClassVar[Json] = {"n_components": 3, "max_iter": 20}
    marginalises: ClassVar[bool] = True

    n_components: Annotated[int | None, Between(1)] = None
    """Number of components (of each class); None: chosen by the likelihood of held-out rows, at most one for every 60
    rows (of small tables 25) and 500; one if the columns are independent; 100 with epsilon."""
    max_iter: Annotated[int, Between(1)] = 100
    """Maximum number of iterations of expectation maximisation."""
    prior: Annotated[float, Between(above=0)] = 0.1
    """Number of pseudo-rows, distributed as the whole table, added to each component."""
    least_deviation: Annotated[float, Between(above=0)] = 0.02
    """Minimum standard deviation of a numeric column within a component; columns are standardised."""

    epsilon: Annotated[float | None, Between(above=0)] = None
    """Privacy loss of the training rows, such as 1; smaller is more private. None: no privacy."""
    delta: Annotated[float | None, Between(above=0)] = None
    """Chance that epsilon doesn't hold; None: 1 / (10 n), with the number of rows rounded up to a power of ten."""

    @property
    def layout(self) -> RowLayout:
        """Layout of the features."""
        return RowLayout(self.spec_)

    def estimate(self, x: np.ndarray) -> Parameters:
        """Fit by expectation maximisation, initialised at random rows."""
        seed, layout = self.seed_ % 2**32, self.layout
        count = self.n_components or mixture_fit.choose_count(x, layout, self.prior, self.least_deviation, seed)
        return mixture_fit.fit(x, layout, min(count, len(x)), self.max_iter, self.prior, self.least_deviation, seed)

    def log_density(self, parameters: Parameters, x: np.ndarray) -> np.ndarray:
        """Return log sum_k w_k prod_h p_kh(x_h), with cell masses for integers."""
        cells = tuple(cell.numpy() for cell in self.codec_.cells(torch.from_numpy(x)))
        log_p: np.ndarray = np.logaddexp.reduce(mixture.log_terms(parameters, self.layout, x, cells), axis=1)
        return log_p

    def generate(self, parameters: Parameters, noise: Noise) -> np.ndarray:
        """Draw a component by its weight, then each column independently."""
        log_w = np.log(parameters["weights"])
        return mixture.draw(parameters, self.layout, np.broadcast_to(log_w, (noise.n, len(log_w))), noise)

    def complete(self, x: Tensor, known: Tensor, noise: ItemNoise, y: Condition | None, no_missing: bool) -> Tensor:
        """Draw the unknown features of rows x (B, features) given the known ones; with `no_missing` all get a value."""
        out, cells, layout = x.clone(), self.codec_.cells(x), self.layout
        for density, where in self._by_class(y, len(x)):
            rows = torch.from_numpy(where)
            log_w = mixture.posterior(density, layout, x[rows], tuple(cell[rows] for cell in cells), known[rows])
            drawn = torch.from_numpy(mixture.draw(density, layout, log_w, noise.take(where), no_missing))
            out[rows] = torch.where(known[rows], x[rows], drawn)
        return out

    # ---- privacy

    def _check(self) -> None:
        super()._check()
        check_options(self.epsilon, self.delta, self.codec)

    def _fit_codec(self, codec: TableCodec, items: object, labels: object) -> TableCodec:
        """Fit the codec; a private one takes its columns from a schema, completed by what is found privately."""
        if self.epsilon is None:
            return super()._fit_codec(codec, items, labels)
        if labels is not None:
            raise ZaohuaError(
                "labels can't be given with epsilon: leave them a column of the table, and give values of it when "
                "sampling"
            )
        frame, _ = codec.kept(items)
        self._release = Release(self.epsilon, self.delta, frame, read_schema(codec.schema, frame.columns))
        return codec.fit_declared(items, self._release.schema)

    def _encode_items_of(self, items: object, labels: object) -> tuple[Codes, object, object]:
        """Encode rows; of a private model, cells that aren't as declared count nowhere."""
        if self.epsilon is None:
            return super()._encode_items_of(items, labels)
        codes = self.codec_.encode_within(items)
        if cells := int(self.codec_.hidden(codes).sum()):
            note(f"left out of account {counted(cells, 'cell')} unlike the schema")
        return codes, labels, items

    def _fit(self, data: TrainingData, *, out: str | Path | None = None, **options: object) -> None:
        if self.epsilon is None:
            super()._fit(data, out=out, **options)
            return
        if options:
            raise ZaohuaError(f"{type(self).__name__} is fitted at once and takes no {', '.join(options)}")
        began, released = time.perf_counter(), self._release
        del self._release
        parameters, rows = released.fit(self.codec_, data.x, self.n_components or COMPONENTS, self.seed_)
        self.spec_, self.densities_ = self.codec_.spec_, [parameters]
        self.n_items_, self.source_, self.privacy_ = round(rows), None, released.guarantee().to_json()
        self.seconds_ = round(time.perf_counter() - began, 3)

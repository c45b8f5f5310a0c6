"""What all models of tables can do: make rows of which some columns are given, and fill in what isn't known.

A model that has the primitive

    complete(x, known, noise, y, no_missing) -> x        unknown features drawn from p(x | known features)

does both exactly. Of any other, rows are drawn until one meets its conditions, for so many tries and no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor

from zaohua.core.available import available
from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import ItemNoise, derive_seed, seeds_for
from zaohua.core.params import Between, Sampling
from zaohua.estimator.base import GenerativeModel
from zaohua.estimator.encoding import Base, TrainingData
from zaohua.estimator.tensors import chunks
from zaohua.modalities.base import Codec
from zaohua.modalities.tables.codec import TableCodec

AT_ONCE = 4096
"""Rows that are drawn together where conditions are met by chance."""


class Tabular(GenerativeModel[TableCodec]):
    """A model of rows.

    Attributes:
        acceptance_rate_: of the last call of `sample` that met conditions by chance, the share of rows that met theirs.
    """

    max_tries: Annotated[int, Between(1), Sampling] = 1000
    """Rows drawn for each one with given columns, at most, by models that can only wait for it."""

    def _begin(
        self, X: Any, y: Any, base: Base | None = None, modality: str | None = None, codec: Codec | None = None
    ) -> TrainingData:
        if isinstance(X, np.ndarray) and X.ndim == 1:
            raise ZaohuaError(
                f"a table is an array (n, columns), not one of shape {X.shape}: X.reshape(-1, 1) has one column"
            )
        return super()._begin(X, y, base, modality, codec)

    @property
    def n_features_in_(self) -> int:
        """Number of columns, by scikit-learn's name."""
        return len(self.codec_.container_.columns)

    @property
    def feature_names_in_(self) -> np.ndarray:
        """Names of the columns, by scikit-learn's name; there is no such attribute unless all are strings."""
        names = self.codec_.container_.columns
        if not all(isinstance(name, str) for name in names):
            raise AttributeError("the columns have no names")
        return np.array(names, dtype=object)

    @available("draw")
    def sample(
        self, n_samples: int | None = None, *, y: Any = None, random_state: int | None = None, **options: Any
    ) -> Any:
        """New rows, as a table of the type that the model was fitted on.

        Args:
            n_samples: how many; by default one, or one for each y.
            y: values of columns, `{"income": ">50K"}`, each for all rows or a list with one for each, or a frame of
                such columns; of a model that was fitted with labels also a label, or one for each row.
            random_state: seed; the first k rows are the same whatever n is. None takes the model's own.
            options: any field marked for sampling, for this call only.

        Raises:
            ZaohuaError: a column or value is unknown, or too few rows that were drawn have the given values.
        """
        if not isinstance(y, Mapping) and not hasattr(y, "columns"):
            return super().sample(n_samples, y=y, random_state=random_state, **options)
        model = self.with_options(**options)
        model.sample_conditions(n_samples, None)
        codes, known = model.codec_.given(y, n_samples)
        seeds = seeds_for(random_state if random_state is not None else self.random_state, len(codes))
        if hasattr(model, "complete") and model.cannot("complete") is None:
            codes = model._completed(codes, known, seeds, whole=False)
        else:
            codes, self.acceptance_rate_ = model._waited_for(codes, known, seeds)
        return model.codec_.items(codes)

    @available("complete")
    def impute(self, X: Any, *, random_state: int | None = None) -> Any:
        """A table with its missing cells filled in, drawn from what the model knows given the other cells of the row.

        Args:
            X: a table with the columns of training.
            random_state: seed. None takes the model's own.

        Returns:
            The same table without missing cells, but for columns that never had a value.
        """
        self._check_fitted()
        codes = self.codec_.encode(X, holes=True)
        known = ~self.codec_.missing(codes)
        seeds = seeds_for(random_state if random_state is not None else self.random_state, len(codes))
        return self.codec_.items(self._completed(codes, known, seeds, whole=True))

    def _completed(self, codes: Tensor, known: Tensor, seeds: list[int], whole: bool) -> Tensor:
        """Codes (n, columns) with what isn't known drawn by `complete`."""
        parts = []
        for rows in chunks(len(codes), AT_ONCE):
            noise = ItemNoise(seeds[rows], self.device_)
            x = self.codec_.prepare(codes[rows], noise)
            y = None if self.y_codec_ is None else self.prepare_conditions(self.y_codec_.draw(noise), noise)
            with torch.no_grad():
                x = self.complete(x, self.codec_.known_heads(known[rows]), noise, y, whole)
            parts.append(torch.where(known[rows], codes[rows], self.codec_.codes(x)))
        return torch.cat(parts)

    def _waited_for(self, codes: Tensor, known: Tensor, seeds: list[int]) -> tuple[Tensor, float]:
        """Codes (n, columns) of rows drawn until they have what is known, and the share of those drawn that had."""
        out, waiting, drawn, tried = codes.clone(), torch.arange(len(codes)), 0, 0
        while len(waiting) and tried < self.max_tries:
            turns = min(max(1, AT_ONCE // len(waiting)), self.max_tries - tried)
            noise = ItemNoise(
                [derive_seed(seeds[i], tried + turn) for turn in range(turns) for i in waiting], self.device_
            )
            y = None if self.y_codec_ is None else self.prepare_conditions(self.y_codec_.draw(noise), noise)
            with torch.no_grad():
                found = self.codec_.codes(self.draw(noise, y)).view(turns, len(waiting), -1)
            wanted, given = codes[waiting], known[waiting]
            meets = ((found == wanted) | (found.isnan() & wanted.isnan()) | ~given).all(2)
            done, first = meets.any(0), meets.float().argmax(0)
            out[waiting[done]] = found[first[done], torch.arange(len(waiting))[done]]
            drawn += int(torch.where(done, first + 1, turns).sum())
            waiting, tried = waiting[~done], tried + turns
        met = len(codes) - len(waiting)
        if len(waiting):
            raise ZaohuaError(
                f"of {drawn:,} rows drawn {met:,} had the values asked for ({met / drawn:.3%}), and {len(codes):,} "
                f"were to be made: ask for fewer columns, let it try longer (max_tries={10 * self.max_tries}), or take "
                "a model that is conditioned exactly (product-mixture, tab-ar)"
            )
        return out, met / drawn

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = tags.input_tags.string = True
        return tags

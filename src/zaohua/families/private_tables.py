"""Models of tables that are fitted to noisy counts if they have an epsilon."""

from __future__ import annotations

import time
from abc import abstractmethod
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import note
from zaohua.core.params import Between
from zaohua.estimator.columns import Tabular
from zaohua.estimator.encoding import TrainingData
from zaohua.families.density import PerClassDensity
from zaohua.families.private_release import PrivateTable, parameters_of
from zaohua.modalities.base import Codes, counted
from zaohua.modalities.tables.codec import TableCodec
from zaohua.modalities.tables.schema import read_schema
from zaohua.nn.rows import RowLayout


class PrivateRows(Tabular, PerClassDensity[TableCodec]):
    """Mixture of products of the columns of a table, differentially private if `epsilon` is given."""

    epsilon: Annotated[float | None, Between(above=0)] = None
    """Privacy loss of the training rows, such as 1; smaller is more private. None: no privacy."""
    delta: Annotated[float | None, Between(above=0)] = None
    """Chance that epsilon doesn't hold; None: 1 / (10 n), with the number of rows rounded up to a power of ten."""

    @property
    @abstractmethod
    def private_components(self) -> int:
        """Number of components with epsilon, which doesn't depend on the data."""

    def _check(self) -> None:
        super()._check()
        if self.epsilon is None:
            if self.delta is not None:
                raise ZaohuaError(f"delta is of no use without epsilon: give both ({option('epsilon', 1.0)})")
            return
        codec = self.codec
        for name, why in {
            "constraints": "combinations and steps would be read off the data",
            "kinds": "a schema says what columns are",
        }.items():
            if getattr(codec, name, None):
                raise ZaohuaError(f"{name} can't be given with epsilon: {why} ({option('schema')})")
        if getattr(codec, "numbers", "auto") == "modes":
            raise ZaohuaError(f"{option('numbers', 'modes')} can't be given with epsilon: modes are read off the data")

    def _fit_codec(self, codec: TableCodec, items: object, labels: object) -> TableCodec:
        """Fit the codec; a private one takes its columns from a schema, completed by what is found privately."""
        if self.epsilon is None:
            return super()._fit_codec(codec, items, labels)
        if labels is not None:
            raise ZaohuaError(
                "labels can't be given with epsilon: leave them a column of the table, and give values of it when "
                'sampling, as in sample(y={"income": ">50K"})'
            )
        frame, _ = codec.kept(items)
        self._table = PrivateTable(self.epsilon, self.delta, len(frame))
        return codec.fit_declared(items, self._table.domain(frame, read_schema(codec.schema, frame.columns)))

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
        began, table, components = time.perf_counter(), self._table, self.private_components
        del self._table
        codes = _all(data.x)
        measured = table.columns(self.codec_, codes, alone=components == 1)
        self.codec_.set_views([each.view for each in measured])
        self.spec_ = self.codec_.spec_
        weights, chances, rows = table.mixture(measured, components, self.seed_)
        self.densities_ = [parameters_of(RowLayout(self.spec_), self.codec_, measured, weights, chances)]
        self.n_items_, self.source_ = round(rows), None
        self.privacy_ = table.guarantee().to_json()
        table.warn(rows, measured)
        self.seconds_ = round(time.perf_counter() - began, 3)


def _all(codes: Codes) -> np.ndarray:
    """Return all encoded rows, float64 (n, columns)."""
    rows = codes[np.arange(len(codes))]
    assert isinstance(rows, Tensor)
    out: np.ndarray = rows.to(torch.float64).numpy()
    return out

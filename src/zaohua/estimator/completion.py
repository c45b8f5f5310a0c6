"""Completion of table rows: the unknown cells are drawn given the known ones, once or several times.

complete(x, known, noise, y, no_missing) -> x        x with unknown features drawn from p(x | known features)
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from zaohua.core.arguments import whole_number
from zaohua.core.available import available
from zaohua.core.noise import ItemNoise, derive_seed
from zaohua.core.notes import note
from zaohua.core.seeds import RandomState
from zaohua.estimator.base import GenerativeModel
from zaohua.estimator.tensors import chunks
from zaohua.modalities.base import counted
from zaohua.modalities.tables.codec import TableCodec

CHUNK = 4096
"""Number of rows that are completed, or drawn for rejection, at once."""
REDRAWS = 8
"""Number of draws of a row until combinations agree with given cells; after these, one that does is chosen."""


class CompletesRows(GenerativeModel[TableCodec]):
    """Model of rows that completes them, if it has the primitive `complete`."""

    @available("complete")
    def impute(self, X: object, *, n_draws: int | None = None, random_state: RandomState = None) -> Any:
        """Fill in missing cells by values drawn from their distribution given the other cells of the row.

        Args:
            X: a table with the columns of the training data.
            n_draws: number of times that the table is filled in, for multiple imputation; None: once.
            random_state: seed. None uses the model's own.

        Returns:
            The table without missing cells, except in columns that had no values in the training data. With `n_draws` a
            list of such tables: the first j are the same for every n_draws >= j, and the first of all is the table that
            is returned without `n_draws`.

        Raises:
            ZaohuaError: the table can't be encoded, or n_draws isn't a positive number.
        """
        self._check_fitted()
        draws = 1 if n_draws is None else whole_number("n_draws", n_draws, 1)
        codes, known, given = self.codec_.holes(X)
        self.foresee(draws * len(codes))
        hidden = self.codec_.hidden(codes) & ~self.codec_.holes_in(X)
        if hidden.any():
            note(
                f"{unlike(hidden.any(1).numpy(), len(codes), int(hidden.sum()))}: kept as they are, and left out of "
                "account"
            )
        seeds = self.seeds_for_sampling(random_state, len(codes))
        tables = []
        for draw in range(draws):
            own = [derive_seed(seed, "draw", draw) for seed in seeds] if draw else seeds
            tables.append(self.codec_.filled(self.completed(codes, known, own, whole=True, given=given), X))
        return tables[0] if n_draws is None else tables

    def completed(
        self, codes: Tensor, known: Tensor, seeds: list[int], whole: bool, given: Tensor | None = None
    ) -> Tensor:
        """Return codes (n, columns) with the unknown cells drawn by `complete`.

        Args:
            codes: the codes.
            known: mask of the known cells.
            seeds: seeds of the rows.
            whole: whether all cells get a value.
            given: codes of the known cells as they are kept, if they differ from those that the model sees.
        """
        given = codes if given is None else given
        parts = []
        for rows in chunks(len(codes), CHUNK):
            part, is_known = codes[rows], known[rows]
            x = self._drawn(part, is_known, seeds[rows], 0, whole)
            for attempt in range(1, REDRAWS):  # exact where combinations are given in part
                wrong = ~self.codec_.agrees(x, part, is_known, whole)
                if not wrong.any():
                    break
                again = [seed for seed, is_wrong in zip(seeds[rows], wrong.tolist(), strict=True) if is_wrong]
                x[wrong] = self._drawn(part[wrong], is_known[wrong], again, attempt, whole)
            kept, told_all = given[rows].clone(), is_known.clone()
            wrong = ~self.codec_.agrees(x, part, is_known, whole)
            if wrong.any():
                again = [seed for seed, is_wrong in zip(seeds[rows], wrong.tolist(), strict=True) if is_wrong]
                noise = ItemNoise([derive_seed(seed, REDRAWS) for seed in again], torch.device("cpu"))
                chosen, told = self.codec_.combined(part[wrong], is_known[wrong], noise, whole)
                x[wrong] = self._drawn(chosen, told, again, REDRAWS, whole)
                kept[wrong] = torch.where(is_known[wrong], kept[wrong], chosen)
                told_all[wrong] = told
            parts.append(self.codec_.codes(x, kept, is_known, told_all, whole))
        return torch.cat(parts)

    def _drawn(self, codes: Tensor, known: Tensor, seeds: list[int], attempt: int, whole: bool) -> Tensor:
        """Return tensors (n, features) with the unknown features drawn by `complete`."""
        noise = ItemNoise([derive_seed(seed, attempt) for seed in seeds] if attempt else seeds, self.device_)
        x = self.codec_.prepare(codes, noise)
        y = None if self.y_codec_ is None else self.prepare_conditions(self.y_codec_.draw(noise), noise)
        with self.inference():
            return self.complete(x, self.codec_.known_features(codes, known), noise, y, whole)


def unlike(rows: np.ndarray, n: int, cells: int) -> str:
    """Say how many of n rows, a mask, hold how many cells unlike training's."""
    verb = "holds" if n == 1 else "hold"
    return f"{int(rows.sum()):,} of {counted(n, 'row')} {verb} {counted(cells, 'cell')} unlike training's"

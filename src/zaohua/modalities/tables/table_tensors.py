"""Base of the codec of tables: encoded rows as tensors for networks, and back.

Constraints turn the codes of columns into *coordinates*, which are learnt (see `constraints.system`). A categorical
coordinate gives one feature; a numeric one gives its state, if it has several, and the value in that state (see
`numbers`).
"""

from __future__ import annotations

from abc import ABC
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from zaohua.core.spec import DataSpec
from zaohua.modalities.tables.columns import Column
from zaohua.modalities.tables.constraints import completion
from zaohua.modalities.tables.constraints import given as constrained
from zaohua.modalities.tables.constraints.system import System
from zaohua.modalities.tables.frame_codec import FrameCodec
from zaohua.modalities.tables.views import View, features_of

if TYPE_CHECKING:
    from zaohua.core.noise import Noise


class TableTensors(FrameCodec, ABC):
    """Codec that turns encoded rows (n, columns), of one number per column, into tensors.

    Attributes:
        columns_: the columns that are encoded, in the order of their encoding.
        system_: the fitted constraints.
        learnt_: the coordinates that are learnt: the columns, unless constraints link them.
        views_: representation of each coordinate for networks; None for categories.
        features_: indices of the features of each coordinate.
    """

    def _set_views(self, system: System, views: list[View | None]) -> None:
        """Set the constraints and the representation of each of their coordinates, and the spec of the tensors."""
        self.columns_: list[Column]  # declared here: an annotation in the class would make it an option
        self.system_, self.views_ = system, views
        self.learnt_ = [each.column for each in system.coordinates]
        features, self.features_ = features_of(self.learnt_, self.views_)
        self.spec_ = DataSpec(axes=("column",), shape=(len(features),), features=tuple(features))

    # ---- cells without a value

    def hidden(self, codes: Tensor) -> Tensor:
        """Return a mask of the hidden cells of encoded rows, bool (n, columns); see `TableCodec.encode_partly`."""
        categories = torch.tensor([column.is_category for column in self.columns_], device=codes.device)
        return codes.isinf() | ((codes == -1) & categories)

    def missing(self, codes: Tensor) -> Tensor:
        """Return a mask of the missing cells, bool (n, columns); a column without any value in training has none."""
        out = codes.isnan()
        for index, column in enumerate(self.columns_):
            if column.is_category:  # a column of size 1 never had a value in training
                out[:, index] = (codes[:, index] == -1) | ((codes[:, index] == column.missing_code) & (column.size > 1))
        return out

    # ---- codes -> tensors

    def prepare(self, codes: Tensor, noise: Noise, train: bool = False) -> Tensor:
        """Convert encoded rows (b, columns) to float64 (b, features); multiples of a step are spread over it."""
        u = self._uniform(noise)
        values, hidden = codes.cpu().numpy(), self.hidden(codes).cpu().numpy()
        if hidden.any() and not self.system_.is_empty:
            known = constrained.known_coordinates(self.system_, np.where(hidden, np.nan, values), ~hidden)
            known = known | ~np.asarray(hidden.any(1))[:, None]
            values = self._to_coordinates(np.where(np.isinf(values), np.nan, values), noise)
            values = np.where(known, values, [-1.0 if column.is_category else np.inf for column in self.learnt_])
        else:
            values = self._to_coordinates(values, noise)
        return torch.from_numpy(self._features(values, u)).to(codes.device)

    def tensor(self, coordinates: np.ndarray, noise: Noise) -> np.ndarray:
        """Convert learnt coordinates (b, coordinates) to float64 (b, features), as `prepare` does."""
        return self._features(coordinates, self._uniform(noise))

    def _uniform(self, noise: Noise) -> np.ndarray:
        """Draw the uniform numbers of each row that views need, (b, views, 2)."""
        out: np.ndarray = noise.uniform(max(1, sum(view is not None for view in self.views_)), 2).double().cpu().numpy()
        return out

    def _to_coordinates(self, codes: np.ndarray, noise: Noise) -> np.ndarray:
        return self.system_.to_coordinates(codes, lambda k: noise.uniform(k).double().cpu().numpy())

    def _features(self, values: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Convert coordinates (b, coordinates) to features, given uniform numbers for each view."""
        out, turn = np.full((len(values), len(self.spec_.features)), np.nan), 0
        for index, (view, features) in enumerate(zip(self.views_, self.features_, strict=True)):
            if view is None:
                out[:, features[0]] = values[:, index]
                continue
            state, z = view.to_tensor(values[:, index], u[:, turn])
            turn += 1
            for feature in features:
                out[:, feature] = state if self.spec_.features[feature].kind == "category" else z
        return out

    # ---- tensors -> codes

    def codes(
        self,
        x: Tensor,
        given: Tensor | None = None,
        known: Tensor | None = None,
        chosen: Tensor | None = None,
        whole: bool = False,
    ) -> Tensor:
        """Convert tensors (b, features) to encoded rows, float64 (b, columns), which satisfy all constraints.

        Args:
            x: the tensors.
            given: encoded rows (b, columns) with given cells, which are kept, and chosen ones (see `combined`).
            known: mask of the given cells, bool (b, columns).
            chosen: mask of the given and the chosen cells; default: known.
            whole: whether all other cells get a value.

        Raises:
            ZaohuaError: no values of the other cells satisfy the constraints.
        """
        cells, told, kept = (None if part is None else part.numpy() for part in (given, known, chosen))
        return torch.from_numpy(completion.to_codes(self.system_, self.coordinates(x), cells, told, kept, whole))

    def coordinates(self, x: Tensor) -> np.ndarray:
        """Convert tensors (b, features) to the learnt coordinates, float64 (b, coordinates): the inverse of `tensor`.

        An unknown one is -1 or infinite, see `TableCodec.encode_partly`.
        """
        values = x.detach().cpu().double().numpy()
        out = np.empty((len(values), len(self.learnt_)))
        for index, view in enumerate(self.views_):
            state, z = self._state(values, index)
            if view is not None:
                out[:, index] = view.from_tensor(state, z)
            else:
                out[:, index] = state
        return out

    def agrees(self, x: Tensor, codes: Tensor, known: Tensor, whole: bool) -> Tensor:
        """Return which tensors (b, features) have combinations that agree with the given cells of rows, bool (b,)."""
        return torch.from_numpy(
            constrained.agrees(self.system_, self.coordinates(x), codes.numpy(), known.numpy(), whole)
        )

    def combined(self, codes: Tensor, known: Tensor, noise: Noise, whole: bool) -> tuple[Tensor, Tensor]:
        """Choose the other cells of combinations of which some are given; return codes and known with them."""
        u = noise.uniform(max(1, len(self.system_.groups))).double().cpu().numpy()
        chosen, told = constrained.combined(self.system_, codes.numpy(), known.numpy(), u, whole)
        return torch.from_numpy(chosen), torch.from_numpy(told)

    def _state(self, values: np.ndarray, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the state and the number of a coordinate in tensors (b, features)."""
        state, z = np.zeros(len(values), np.int64), np.full(len(values), np.nan)
        for feature in self.features_[index]:
            if self.spec_.features[feature].kind == "category":
                state = np.round(values[:, feature]).astype(np.int64)
            else:
                z = values[:, feature]
        return state, z

    def cells(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return what converts densities of tensors (b, features) to densities or masses of the columns' own numbers.

        Returns:
            low, high: float64 (b, features), interval of z that corresponds to an integer (quantile representation);
                NaN for other features.
            log_slope: float64 (b, features), log dz/dx for a number x, or per step for integers, which are spread over
                it. Added to a log-density of z it gives that of x, or a bound of the log-probability of an integer. 0
                for other features.
        """
        values = x.detach().cpu().double().numpy()
        low, high, slope = np.full_like(values, np.nan), np.full_like(values, np.nan), np.zeros_like(values)
        for index, view in enumerate(self.views_):
            if view is not None and view.ranges:
                feature = self.features_[index][-1]
                low[:, feature], high[:, feature], slope[:, feature] = view.cells(*self._state(values, index))
        return torch.from_numpy(low), torch.from_numpy(high), torch.from_numpy(slope)

    def known_features(self, codes: Tensor, known: Tensor) -> Tensor:
        """Return which features known cells (b, columns) determine, bool (b, features)."""
        hidden = self.hidden(codes)
        values, told = codes.masked_fill(hidden, torch.nan).numpy(), (known & ~hidden).numpy()
        coordinates = torch.from_numpy(constrained.known_coordinates(self.system_, values, told))
        return coordinates[:, [index for index, features in enumerate(self.features_) for _ in features]]

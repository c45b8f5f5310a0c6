"""Distributions of one number that are fitted by Newton's method."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Transform

from zaohua.core.errors import ZaohuaError
from zaohua.estimator.encoding import TrainingData
from zaohua.families.density import Parameters
from zaohua.families.likelihood_ascent import maximise
from zaohua.families.univariate import Parametric


class NewtonFitted(Parametric):
    """Distribution fitted by Newton's method. Subclasses define `start`, `differentiable` and `transforms`."""

    keep_path: bool = False
    """Keep the iterates of the fit in `path_`; they aren't saved."""

    @property
    def path_(self) -> Any:
        """Iterates of the fit, as `params_` with the steps as the first axis.

        Raises:
            ZaohuaError: the path was not kept.
        """
        self._check_fitted()
        if not hasattr(self, "steps_"):
            raise ZaohuaError(f"the path of this {type(self).__name__} was not kept: fit it with keep_path=True")
        return self._by_name(self.steps_)

    def _fit(self, data: TrainingData, *, out: str | Path | None = None, **options: object) -> None:
        super()._fit(data, out=out, **options)
        if self.keep_path:
            paths = map(self.path, self._by_label(data))
            self.steps_ = [{name: np.stack([step[name] for step in path]) for name in path[0]} for path in paths]

    @abstractmethod
    def start(self, x: np.ndarray) -> Parameters:
        """Return initial parameters for x (n, p) (`loc` subtracted), in the order of `fitted`."""

    @abstractmethod
    def differentiable(self, parameters: dict[str, Tensor], x: Tensor) -> Tensor:
        """Return the log density of each number of x (n, p), `loc` subtracted, in torch."""

    @abstractmethod
    def transforms(self, start: dict[str, Tensor]) -> Mapping[str, Transform]:
        """Return maps from all real numbers to the range of each parameter; `start` has initial values, (p,) each."""

    def path(self, x: np.ndarray) -> list[Parameters]:
        """Return the iterates of the fit to x (n, p), from the initial parameters to the estimate."""
        x = x - self.origin
        start = {name: torch.from_numpy(value) for name, value in self.start(x).items()}
        steps = maximise(self.differentiable, torch.from_numpy(x), start, self.transforms)
        return [self.named({name: value.numpy() for name, value in step.items()}) for step in steps]

    def estimate(self, x: np.ndarray) -> Parameters:
        """Return the last iterate of `path`."""
        return self.path(x)[-1]

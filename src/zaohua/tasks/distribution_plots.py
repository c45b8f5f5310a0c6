"""Plots of a fitted distribution: histogram, Q-Q plot, and path of the optimiser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zaohua.core.errors import ZaohuaError
from zaohua.families.univariate.newton import NewtonFitted
from zaohua.storage.outputs import whole_file
from zaohua.tasks.distributions import Fit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BARS, DOTS, GRID, SHOWN = 80, 400, 40, 4000
"""Maximum number of bars, maximum number of quantiles, grid points per side of the likelihood, and maximum number of
values for it."""


def picture(fit: Fit, x: np.ndarray, title: str = "", path: bool = False) -> Figure:
    """Plot the histogram with the fitted curve, a Q-Q plot and, optionally, the path of the optimiser.

    Args:
        fit: result of `distributions.fit`.
        x: numbers that it was fitted to, float64 (n,).
        title: name of the numbers.
        path: True to plot the steps of the optimiser over the likelihood.

    Returns:
        A figure of matplotlib's, which a notebook displays and `save` writes.

    Raises:
        ZaohuaError: matplotlib isn't installed, or there is no path since the fit was by a formula.
    """
    if path and not isinstance(fit.model, NewtonFitted):
        raise ZaohuaError(f"{fit.name} is fitted by a formula at once, so there is no path to draw")
    figure = _matplotlib()(figsize=(15 if path else 10, 4.2), layout="constrained")
    axes = figure.subplots(1, 3 if path else 2)
    _curve(axes[0], fit, x, title)
    _quantiles(axes[1], fit, x, title)
    if path:
        _path(axes[2], fit, x)
    return figure


def check_suffix(path: Path) -> None:
    """Raise a `ZaohuaError` if matplotlib is missing or can't write a picture with that suffix."""
    if path.suffix[1:].casefold() not in _matplotlib()().canvas.get_supported_filetypes():
        raise ZaohuaError(f"{path}: pictures are written as .png, .svg or .pdf")


def save(figure: Figure, path: str | Path) -> Path:
    """Save a figure as a file, in the format of its suffix.

    Raises:
        ZaohuaError: matplotlib can't write such a file, or it can't be written.
    """
    path = Path(path)
    check_suffix(path)
    with whole_file(path) as temporary:
        figure.savefig(temporary, dpi=150)
    return path


def _matplotlib() -> type[Figure]:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ZaohuaError(
            "pictures of distributions need the matplotlib package: pip install 'zaohua[plots]'"
        ) from None
    return Figure


def _curve(axes: Axes, fit: Fit, x: np.ndarray, title: str) -> None:
    """Plot the histogram with the density, or the frequencies of integers with their probabilities."""
    model, parameters = fit.model, fit.parameters
    if model.is_discrete and np.ptp(x) <= BARS:
        values = np.arange(x.min(), x.max() + 1)
        axes.bar(values, [(x == value).mean() for value in values], width=0.8, color="0.8", label=f"{len(x):,} values")
        probabilities = np.exp(model.log_densities(parameters, values[:, None])[:, 0])
        axes.plot(values, probabilities, "o-", color="C3", markersize=4, linewidth=1, label=fit.name)
    else:
        edges = np.histogram_bin_edges(x, "auto")
        edges = edges if len(edges) <= BARS + 1 else np.linspace(x.min(), x.max(), BARS + 1)
        axes.hist(x, edges.tolist(), density=True, color="0.8", label=f"{len(x):,} values")
        values = np.linspace(x.min(), x.max(), DOTS)
        values = np.unique(np.round(values)) if model.is_discrete else values
        axes.plot(values, np.exp(model.log_densities(parameters, values[:, None])[:, 0]), color="C3", label=fit.name)
    axes.set_xlabel(title or "value")
    axes.set_ylabel("frequency" if model.is_discrete else "density")
    axes.set_title(", ".join(f"{name} = {value:.4g}" for name, value in fit.numbers.items()), fontsize="medium")
    axes.legend()


def _quantiles(axes: Axes, fit: Fit, x: np.ndarray, title: str) -> None:
    """Plot quantiles of the data against those of the distribution."""
    levels = _midpoints(min(len(x), DOTS))
    expected = fit.model.inverse(fit.parameters, levels[:, None])[:, 0]
    seen = np.quantile(x, levels, method="inverted_cdf" if fit.model.is_discrete else "hazen")
    ends = [min(expected.min(), seen.min()), max(expected.max(), seen.max())]
    axes.plot(ends, ends, color="0.6", linewidth=1)
    axes.plot(expected, seen, ".", color="C0", markersize=4)
    axes.set_xlabel(f"quantiles of {fit.name}")
    axes.set_ylabel(f"quantiles of {title or 'the values'}")
    if fit.goodness is not None:
        axes.set_title(f"{fit.goodness.test}: p = {fit.goodness.p:.3g}", fontsize="medium")


def _path(axes: Axes, fit: Fit, x: np.ndarray) -> None:
    """Plot the steps of the optimiser over the mean log-likelihood of two parameters; others are at the optimum."""
    assert isinstance(fit.model, NewtonFitted)
    steps = {name: np.array([step[name][0] for step in fit.model.path(x[:, None])]) for name in fit.parameters}
    across, up = fit.model.fitted[0], fit.model.fitted[-1]
    sides = [_side(steps[name]) for name in (across, up)]
    a, b = np.meshgrid(*sides)
    held = {name: np.full(GRID, steps[name][-1]) for name in fit.parameters}
    some = x if len(x) <= SHOWN else np.quantile(x, _midpoints(SHOWN), method="inverted_cdf")
    heights = np.array(
        [
            fit.model.log_densities({**held, across: one, up: other}, some[:, None]).mean(0)
            for one, other in zip(a, b, strict=True)
        ]
    )
    heights = np.maximum(heights, np.nanquantile(heights[np.isfinite(heights)], 0.1))
    axes.contourf(a, b, heights, levels=20, cmap="Blues")
    axes.plot(steps[across], steps[up], "o-", color="C3", markersize=4, linewidth=1)
    axes.plot(steps[across][-1], steps[up][-1], "*", color="C3", markersize=12)
    for scale, side in ((axes.set_xscale, sides[0]), (axes.set_yscale, sides[1])):
        scale("log" if side[0] > 0 and side[-1] > 20 * side[0] else "linear")
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.set_title(f"log-likelihood and {len(steps[across]) - 1} steps of Newton's method", fontsize="medium")


def _midpoints(n: int) -> np.ndarray:
    """Return the midpoints of n equal parts of [0, 1]."""
    return (np.arange(n) + 0.5) / n


def _side(values: np.ndarray) -> np.ndarray:
    """Return grid points along an axis around values, with margins; logarithmic if all values are positive."""
    low, high = values.min(), values.max()
    if low > 0:
        room = max(1.3, (high / low) ** 0.3)
        return np.geomspace(low / room, high * room, GRID)
    room = max((high - low) * 0.3, abs(high) * 0.3, 1e-300)
    return np.linspace(low - room, high + room, GRID)

"""`restore`: what was seen of things, and a model of what they are like, give what they probably were."""

from __future__ import annotations

import math
from typing import Any

from zaohua.core.arguments import whole_number
from zaohua.core.errors import ZaohuaError, named, shown
from zaohua.core.params import fields_of
from zaohua.core.seeds import RandomState, seed_of
from zaohua.estimator.base import GenerativeModel
from zaohua.operators.base import Identity
from zaohua.operators.degradation import Degradation
from zaohua.tasks.restore.request import Progress, Request
from zaohua.tasks.restore.restored import Restored
from zaohua.tasks.restore.solvers import choose
from zaohua.tasks.restore.trained import trained_for


def restore(
    model: GenerativeModel,
    X: object,
    degradation: str | Degradation | None = None,
    *,
    mask: object = None,
    y: object = None,
    n_samples: int = 1,
    draws: bool = False,
    gamma: float | None = None,
    steps: int = 50,
    random_state: RandomState = None,
    batch_size: int | None = None,
    by_channel: bool = False,
    solver: str | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Restored:
    """Restore what was degraded, with any model that learnt what such things are like.

    The model needn't be trained for it. `restore` assumes that X = degradation(x) + noise, and returns what x may have
    been: by default the best guess, with `draws=True` answers whose spread shows how sure the model is.

        >>> zh.restore(model, noisy, "noise 25").best
        >>> zh.restore(model, small, "downscale 4 | noise 5", n_samples=4).best
        >>> zh.restore(model, damaged, mask=seen, n_samples=8, draws=True).deviation

    Args:
        model: fitted, such as a Flow.
        X: n observations, as items: noisy pictures, half the size for "downscale 2", grey ones for "grey". Pictures
            may have any size; of different sizes they are a list. Values may lie outside the range of the model's
            items, as noise makes them.
        degradation: what happened to them, with numbers in the items' own units: "downscale 4 | noise 10" (sigma 10 of
            255 for 8-bit pictures). None if `mask` says it all, or the model was trained for one.
        mask: True (or 1) where X is seen, of the shape of one observation without channels, such as (H, W), or one for
            each, (n, H, W). Values that are seen without noise are returned as they are, bit by bit.
        y: what the items show, for a model that was fitted with conditions: one for all or one for each. None for
            unknown.
        n_samples: number of answers for each observation.
        draws: True for draws, False for best guesses, whose mean is an even better one.
        gamma: a number from 0 (best guesses) to 1 (draws), instead of `draws`.
        steps: steps from noise to the answer; denoising alone takes one, if a best guess is asked for.
        random_state: seed. The first answers are the same for every `n_samples`, and each item's don't depend on
            those beside it. None uses the model's own.
        batch_size: number of items or tiles that are computed at once; None chooses by their size.
        by_channel: True to restore each colour of pictures by itself, with a model of grey ones.
        solver: name of the solver; None takes the first that can, see `tasks.restore.solvers`.
        progress: function (done, total), called as the work goes on.
        options: fields of the model marked for sampling, for this call only. `guidance` is 1 unless it is given: more
            exaggerates what y says.

    Raises:
        ZaohuaError: the model can't restore such things, or an argument is invalid; the message says why.
    """
    if not isinstance(model, GenerativeModel):
        raise ZaohuaError(f"restore takes a fitted model first, not {named(model)}")
    if "guidance" in fields_of(type(model)):
        options = {"guidance": 1.0, **options}
    if degradation is None and mask is None:
        degradation = trained_for(model)
    pairs = hasattr(model, "restore")
    if degradation is None and mask is None and not pairs:
        raise ZaohuaError(
            'what happened to X? give a degradation, such as "noise 25", or mask= (True where it is seen)'
        )
    request = Request(
        model=model.with_options(**options),
        X=X,
        degradation=Degradation((Identity(),)) if degradation is None else Degradation.parse(degradation),
        mask=mask,
        y=y,
        n_samples=whole_number("n_samples", n_samples),
        gamma=_gamma(draws, gamma),
        steps=whole_number("steps", steps),
        random_state=seed_of(random_state),
        batch_size=batch_size if batch_size is None else whole_number("batch_size", batch_size),
        by_channel=by_channel,
        progress=progress,
    )
    return choose(request, solver).solve(request)


def _gamma(draws: bool, gamma: float | None) -> float:
    """Return how much of what is unknown is drawn."""
    if gamma is None:
        return float(bool(draws))
    if isinstance(gamma, bool) or not isinstance(gamma, (int, float)) or not 0 <= gamma <= 1 or math.isnan(gamma):
        raise ZaohuaError(f"gamma must be a number from 0 (best guesses) to 1 (draws), not {shown(gamma)}")
    return float(gamma)

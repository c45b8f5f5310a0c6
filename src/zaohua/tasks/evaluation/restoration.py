"""Evaluation of models that learnt to undo a degradation: held-out pictures are degraded, restored and compared.

The same pictures are degraded alike for all models: with a seed that nobody chooses. Beside the figures of the best
guesses stand those of doing nothing, which is what is seen, brought to the size and the channels of the pictures.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.core.noise import ItemNoise, derive_seed
from zaohua.estimator.base import GenerativeModel
from zaohua.evaluation.figures import interval_figure
from zaohua.evaluation.measures import measure_of
from zaohua.evaluation.results import NOTHING, Cost, Evaluation, Figures
from zaohua.evaluation.splits import Splits, prepared
from zaohua.families.regression import over
from zaohua.metrics.intervals import mean_interval
from zaohua.metrics.restored import psnr, ssim
from zaohua.modalities.images.codec import ImageCodec
from zaohua.modalities.images.observed import seen_by
from zaohua.modalities.images.show import visible
from zaohua.operators.degradation import Degradation
from zaohua.tasks.evaluation import cost
from zaohua.tasks.restore.restoring import restore

LEAD = "restored_psnr"
"""Measure that such evaluations lead with."""
TOGETHER = 256
"""Number of pictures that are restored at once."""


def check_able(model: GenerativeModel, degradation: Degradation, name: object) -> None:
    """Raise a `ZaohuaError` unless what a model restores can be measured."""
    if not isinstance(model.codec_, ImageCodec):
        raise ZaohuaError(
            f"{name} learnt to undo '{degradation}' of {model.codec_.modality}, and evaluate measures restored images: "
            "degrade held-out items, restore them (zaohua restore) and compare them with the originals"
        )


def measured(
    model: GenerativeModel,
    degradation: Degradation,
    splits: Splits,
    n: int,
    about: Json,
    log: Callable[[str], None],
) -> Evaluation:
    """Evaluate a model that learnt to undo a degradation.

    Args:
        model: fitted.
        degradation: what it undoes, in the units of the pictures.
        splits: real pictures, of which the held-out ones are used.
        n: most pictures.
        about: "name" of the run, and the hash of its "weights".
        log: is told of the progress.
    """
    test = splits.test.some(n, 0)
    began, real, made, plain = time.perf_counter(), test.values, [], []
    for start in range(0, len(test), TOGETHER):
        rows = np.arange(start, min(start + TOGETHER, len(test)))
        seen, mask, nothing = _degraded(model, degradation, test.codes[rows], rows)
        made.append(visible(model, restore(model, seen, degradation, mask=mask, random_state=0).best))
        plain.append(visible(model, nothing))
        log(f"restoring: {rows[-1] + 1:,} of {len(test):,}")
    seconds = time.perf_counter() - began
    figures, references = _figures(np.concatenate(made), np.concatenate(plain), real)
    remarks = [f"{splits.noun} were degraded by '{degradation}' with a fixed seed, and each restored as a best guess"]
    if splits.split == "validation":
        remarks.append(
            f"measured by {splits.noun} that training held out: if settings were chosen by them, these figures are too "
            "good"
        )
    parameters = sum(tensor.numel() for tensor in model.tensors().values())
    first = _degraded(model, degradation, test.codes[np.arange(1)], np.arange(1))
    calls = cost.calls(model, lambda: restore(model, first[0], degradation, mask=first[1], random_state=0))
    return Evaluation(
        run=about["name"],
        model=type(model).__name__,
        modality=splits.modality,
        noun=splits.noun,
        lead=LEAD,
        data=splits.data,
        split=splits.split,
        n=len(test),
        seeds=(0,),
        extractor="",
        figures=figures,
        references={NOTHING: references},
        cost=Cost(
            getattr(model, "seconds_", None),
            parameters,
            calls,
            1000 * seconds / len(test),
            None,
            model.device_.type,
        ),
        flags=tuple(remarks),
        weights=about["weights"],
        arrays={"restored": np.concatenate(made)[:TOGETHER], "nothing": np.concatenate(plain)[:TOGETHER]},
    )


def _degraded(
    model: GenerativeModel, degradation: Degradation, codes: Tensor, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Degrade some encoded pictures.

    Args:
        model: fitted.
        degradation: in the units of the pictures.
        codes: codes of the pictures.
        rows: their indices among all, which decide the noise.

    Returns:
        What is seen of them, (b, h, w) or (b, h, w, C); where that is, bool (b, h, w), or None for everywhere; and
        pictures made of it without a model.
    """
    codec = model.codec_
    assert isinstance(codec, ImageCodec)  # as `check_able` has made sure
    x, units, device = prepared(model, codes), codec.units(), torch.device("cpu")
    noise = ItemNoise([derive_seed("evaluate", "degrade", int(row)) for row in rows], device)
    drawn = degradation.in_units(units).drawn(tuple(x.shape[1:]), noise)
    y, mask = drawn(x, noise), seen_by(drawn, tuple(x.shape[1:]))
    seen = ((y.double() + 1) * units.scale + units.low).permute(0, 2, 3, 1).numpy()
    seen = seen if seen.shape[-1] > 1 or codec.channel_axis_ else seen[..., 0]
    told = None if mask is None else mask.expand(len(y), *mask.shape[1:])[:, 0].numpy()
    return seen, told, codec.decode(over(y, model.spec_))


def _figures(made: np.ndarray, plain: np.ndarray, real: np.ndarray) -> tuple[Figures, Figures]:
    """Return the figures of restored pictures, and those of doing nothing."""
    n = len(real)
    found = {LEAD: psnr(made, real), "restored_ssim": ssim(made, real)}
    nothing = {LEAD: psnr(plain, real), "restored_ssim": ssim(plain, real)}

    def figures(values: dict[str, np.ndarray]) -> Figures:
        return {name: interval_figure(measure_of(name).within(mean_interval(each)), n) for name, each in values.items()}

    gain = {"restored_gain": found[LEAD] - nothing[LEAD]}
    return figures({**found, **gain}), figures(nothing)

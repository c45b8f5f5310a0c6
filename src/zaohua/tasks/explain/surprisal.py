"""What surprised a model in an item: -log p of each pixel, letter, note, cell or sample.

Where likelihoods are exact, so are these: their sum is -`score_samples`. Autoregressive models give each place its
probability given those before it. Tables have a second figure, the probability of each cell given all others, which
says better what is odd, but doesn't sum to anything. VAEs have the terms of a bound, and diffusion and flow models,
which have no such terms, the error of denoising by place and by noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np
import torch
from torch import Tensor

from zaohua.core.errors import NotAvailable
from zaohua.core.noise import ItemNoise, Noise, derive_seed
from zaohua.core.record import Condition
from zaohua.estimator.denoiser import NoiseSchedule
from zaohua.modalities.music.notes import MusicCodec
from zaohua.modalities.tables.codec import TableCodec
from zaohua.modalities.texts.codec import TextCodec
from zaohua.tasks.explain.rows import cells_of, conditional, hidden, log_prob
from zaohua.tasks.explain.subject import Subject

LEVELS, DRAWS = (0.1, 0.25, 0.5, 1.0, 2.0), 8
"""Ratios of noise to data at which denoising is tried, and the number of draws of noise at each."""


class ByPlace(Protocol):
    """Model whose exact likelihood is a sum over places."""

    def nats_by_place(self, x: Tensor, y: Condition | None, noise: Noise) -> Tensor:
        """Return -log p of each place, nats (B, *places)."""
        ...


class Bounded(Protocol):
    """Model with a bound that is a sum over places and latents."""

    def bound_by_place(self, x: Tensor, y: Condition | None, noise: Noise) -> tuple[Tensor, Tensor]:
        """Return nats by place, (B, *places), and by latent, (B, latents)."""
        ...


@dataclass(frozen=True, eq=False)
class Surprisal:
    """Surprisal of an item by place.

    Attributes:
        nats: -log p of each place, float64 (*places); of denoising the mean squared error.
        kind: "exact", "bound" or "estimate".
        how: what was computed, in a sentence.
        names: what is at each place, of texts, music and tables.
        rest: -log p of each cell of a table given all others.
        latents: nats of each latent of a bound.
        score: what `score_samples` says of the item, in nats; None of an estimate.
        levels: of an estimate, the ratio of noise to data, and the error at each.
    """

    nats: np.ndarray
    kind: str
    how: str
    names: tuple[str, ...] = ()
    rest: np.ndarray | None = None
    latents: np.ndarray | None = None
    score: float | None = None
    levels: tuple[tuple[float, float], ...] = ()

    @property
    def total(self) -> float:
        """Sum of all terms; of exact ones -`score`."""
        return float(self.nats.sum() + (0 if self.latents is None else self.latents.sum()))


def surprisal(subject: Subject) -> Surprisal:
    """Compute the surprisal of the item by place.

    Raises:
        NotAvailable: the model has neither a likelihood by place nor a denoiser.
    """
    model = subject.model
    if hasattr(model, "nats_by_place"):
        return _exact(subject)
    if hasattr(model, "bound_by_place"):
        return _bound(subject)
    if isinstance(model.codec_, TableCodec) and (
        hasattr(model, "log_conditional") or (getattr(model, "marginalises", False) and model.score_kind == "exact")
    ):
        return _cells(subject)
    if hasattr(model, "denoiser"):
        return _denoised(subject)
    raise NotAvailable(f"a {type(model).__name__} has no likelihood by place, and doesn't learn to denoise")


def _exact(subject: Subject) -> Surprisal:
    x, y, noise = subject.batch
    with subject.model.inference():
        nats = cast(ByPlace, subject.model).nats_by_place(x, y, noise)[0].double().cpu().numpy()
    names = _token_names(subject, x)
    of = "channel" if nats.ndim == 3 and nats.shape[0] > 1 else ""
    how = f"−log p of each {_place(subject)}{', by ' + of if of else ''}, given those before it"
    return Surprisal(nats, "exact", f"{how}: the sum is the item's score.", names, score=_score(subject))


def _place(subject: Subject) -> str:
    codec = subject.model.codec_
    if isinstance(codec, TextCodec):
        return "letter" if codec.tokenizer_.unit == "character" else "token"
    if isinstance(codec, MusicCodec):
        return "note event"
    shape = subject.model.spec_.shape
    if shape is not None and len(shape) == 2:
        return "pixel"
    return "cell" if subject.x.ndim == 3 else "sample"


def _token_names(subject: Subject, x: Tensor) -> tuple[str, ...]:
    """Return what each token but the first stands for, the end as an empty text; nothing for other items."""
    codec, tokens = subject.model.codec_, x[0, 1:].tolist() if x.ndim == 2 else []
    if isinstance(codec, TextCodec):
        return tuple(codec.plain([t], begins=not i) if codec.is_text(t) else "" for i, t in enumerate(tokens))
    if isinstance(codec, MusicCodec):
        return tuple(codec.name(token) for token in tokens)
    return ()


def _bound(subject: Subject) -> Surprisal:
    x, y, noise = subject.batch
    with subject.model.inference():
        nats, latents = (
            part[0].double().cpu().numpy() for part in cast(Bounded, subject.model).bound_by_place(x, y, noise)
        )
    how = (
        "−log p of each place given the latents, and what the latents cost. Their sum bounds −log p from above; "
        "the score, from many draws of the latents, is tighter or equal."
    )
    return Surprisal(nats, "bound", how, _columns(subject), latents=latents.ravel(), score=_score(subject))


def _columns(subject: Subject) -> tuple[str, ...]:
    """Return the names of the features of a row; nothing for other items."""
    spec = subject.model.spec_
    return tuple(feature.name for feature in spec.features) if spec.is_row else ()


def _cells(subject: Subject) -> Surprisal:
    x, y, _ = subject.batch
    cells = cells_of(subject)
    names = tuple(name for name, _ in cells)
    with subject.model.inference():
        before = [hidden(subject, x, [f for _, fs in cells[i:] for f in fs]) for i in range(len(cells) + 1)]
        log_p = log_prob(subject, torch.cat(before), y)
        nats = np.diff(-log_p)
        rest = np.array([-float(conditional(subject, x, y, features)) for _, features in cells])
    how = (
        "−log p of each cell given the cells before it, whose sum is the item's score, and given all other cells, "
        "which tells what doesn't fit."
    )
    return Surprisal(nats, "exact", how, names, rest, score=_score(subject))


def _score(subject: Subject) -> float:
    return float(subject.model.score_encoded(subject.encoded)[0])


def _denoised(subject: Subject) -> Surprisal:
    x, y, model = subject.x, subject.y, subject.model
    plain = model.with_options(guidance=1.0) if hasattr(model, "guidance") else model
    denoiser, noise = plain.denoiser(y), ItemNoise([derive_seed(0, "surprisal", k) for k in range(DRAWS)])
    times = _times(denoiser.schedule, LEVELS)
    maps = []
    with model.inference():
        repeated = x.expand(DRAWS, *x.shape[1:])
        for t in times:
            alpha, sigma = (part.float() for part in (denoiser.schedule.alpha(t), denoiser.schedule.sigma(t)))
            guess, _ = denoiser(alpha * repeated + sigma * noise.normal(*x.shape[1:]), t)
            maps.append(((guess - repeated) ** 2).mean(0).double().cpu().numpy())
    levels = tuple((level, float(part.mean())) for level, part in zip(LEVELS, maps, strict=True))
    how = (
        "Squared error of the denoised item by place, in the mean over noise of "
        f"{', '.join(f'{level:g}' for level in LEVELS)} times the data. This isn't a likelihood."
    )
    return Surprisal(np.mean(maps, axis=0), "estimate", how, _columns(subject), levels=levels)


def _times(schedule: NoiseSchedule, ratios: Sequence[float]) -> list[Tensor]:
    """Find the times at which a schedule has given ratios of noise to data, to a thousandth."""
    grid = torch.linspace(1e-3, 1 - 1e-3, 1999, dtype=torch.float64)
    found = torch.stack([schedule.sigma(t) / schedule.alpha(t) for t in grid])
    return [grid[int((found.log() - np.log(ratio)).abs().argmin())] for ratio in ratios]

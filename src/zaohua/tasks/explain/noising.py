"""How an item came about: from noise, or step by step.

Of diffusion and flow models the item is followed to noise along the ODE, and back: what is there, and what the network
expects it to become. Models of pixels show what they expect of the rest when more and more is known, and models of
tokens what else they thought of at each step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from zaohua.core.errors import NotAvailable
from zaohua.core.noise import ItemNoise
from zaohua.estimator.denoiser import Denoiser
from zaohua.families.autoregressive.pixels import PixelModel
from zaohua.families.autoregressive.tokens import TokenModel
from zaohua.families.ode import to_noise
from zaohua.families.samplers import Heun
from zaohua.modalities.texts.codec import TextCodec
from zaohua.tasks.explain.subject import Subject
from zaohua.tasks.explain.surprisal import surprisal

FRAMES, STEPS, BEST, PLACES = 8, 32, 4, 160
"""Pictures of a way, steps of the ODE, candidates of a token that are shown, and tokens that are shown at most."""


@dataclass(frozen=True, eq=False)
class Step:
    """A token, and what else could have been.

    Attributes:
        text: the token.
        rank: how many tokens were likelier.
        p: its probability.
        others: the likeliest tokens with their probabilities.
    """

    text: str
    rank: int
    p: float
    others: tuple[tuple[str, float], ...]


@dataclass(frozen=True, eq=False)
class Noising:
    """How an item came about.

    Attributes:
        seen: what was there at each step, as tensors (n, ...); None of tokens.
        expected: what the network expected of it, (n, ...); None of tokens and pixels.
        names: of the steps.
        steps: tokens one by one; empty of others.
        how: what was done, in a sentence.
    """

    seen: Tensor | None
    expected: Tensor | None
    names: tuple[str, ...]
    steps: tuple[Step, ...]
    how: str


def noising(subject: Subject) -> Noising:
    """Show how the item came about.

    Raises:
        NotAvailable: the model makes items at once.
    """
    model = subject.model
    if hasattr(model, "denoiser"):
        return _trajectory(subject)
    if isinstance(model, PixelModel):
        return _pixels(subject)
    if isinstance(model, TokenModel):
        return _tokens(subject)
    raise NotAvailable(f"a {type(model).__name__} makes items at once")


def _trajectory(subject: Subject) -> Noising:
    model, x = subject.model, subject.x
    plain = model.with_options(guidance=1.0) if hasattr(model, "guidance") else model
    denoiser = plain.denoiser(subject.y)
    seen: list[tuple[float, Tensor, Tensor]] = []

    def recorded(x_t: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        data, e = denoiser(x_t, t)
        seen.append((float(t), x_t, data))
        return data, e

    with model.inference():
        noise = to_noise(denoiser, x.float(), STEPS)
        watched = Denoiser(denoiser.schedule, recorded, denoiser.times)
        Heun().sample(watched, denoiser.times(STEPS), denoiser.start(noise))
    each = list({t: (x_t, data) for t, x_t, data in seen}.items())  # Heun's method visits times twice
    chosen = [each[i] for i in np.linspace(0, len(each) - 1, FRAMES).round().astype(int)]
    scale = [float(denoiser.schedule.sigma(torch.tensor(t, dtype=torch.float64))) for t, _ in chosen]
    shown = [x_t / max(1.0, s) for (_, (x_t, _)), s in zip(chosen, scale, strict=True)]
    return Noising(
        torch.cat(shown),
        torch.cat([data for _, (_, data) in chosen]),
        tuple(f"t = {t:.2f}" for t, _ in chosen),
        (),
        "The item was followed to its noise along the ODE, and back: what is there at each time, and what the network "
        "expects it to become.",
    )


def _pixels(subject: Subject) -> Noising:
    model, x, y = subject.model, subject.x, subject.y
    height = x.shape[2]
    rows = np.linspace(0, height, FRAMES).round().astype(int)
    known = torch.stack([torch.arange(height) < k for k in rows])[:, None, :, None].expand(-1, 1, height, x.shape[3])
    repeated = x.expand(len(rows), *x.shape[1:])
    several = None if y is None else y.expand(len(rows), *y.shape[1:]) if isinstance(y, Tensor) else y
    with model.inference():
        made = model.complete(repeated, known.expand_as(repeated), ItemNoise([1] * len(rows)), several, False)
    return Noising(
        made,
        None,
        tuple(f"{k} rows" for k in rows),
        (),
        "The first rows are those of the item, and the rest is what the model draws after them.",
    )


def _tokens(subject: Subject) -> Noising:
    model, x = subject.model, subject.x
    assert isinstance(model, TokenModel)
    tokens = x[0, : PLACES + 1][: model.context + 1]
    with model.inference():
        logits = model.nets_["net"](tokens[None, :-1].clamp(min=0), subject.y, None)[0]
    codec = model.codec_
    p = logits.double().softmax(1)
    best, at = p.topk(BEST, dim=1)
    nats = surprisal(subject)

    def named(token: int) -> str:
        if isinstance(codec, TextCodec):
            return codec.plain([token], begins=False) if codec.is_text(token) else "⏹"
        return codec.name(token) if hasattr(codec, "name") else str(token)

    steps = tuple(
        Step(
            named(token),
            int((p[i] > p[i, token]).sum()),
            float(p[i, token]),
            tuple((named(int(k)), float(q)) for k, q in zip(at[i], best[i], strict=True)),
        )
        for i, token in enumerate(tokens[1:].tolist())
        if token >= 0
    )
    first = sum(not step.rank for step in steps)
    how = (
        f"Each token, and what else the model thought of: {first} of {len(steps)} were its first choice"
        f"{'' if len(steps) == nats.nats.size else '; the beginning is shown'}."
    )
    return Noising(None, None, (), steps, how)

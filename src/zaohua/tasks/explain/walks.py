"""Walks through latent space: strips of items along its principal directions, and towards classes.

Of a model that encodes, directions are the principal components of the latents of training items, and the differences
of the means of classes. Of a GAN they are the singular vectors of the first layer of its generator, along which what it
makes changes most (Shen and Zhou, "Closed-Form Factorization of Latent Semantics in GANs", 2021, arXiv:2007.06600).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from zaohua.core.errors import NotAvailable, ZaohuaError
from zaohua.estimator.tensors import Encoded
from zaohua.families.gan import LatentGAN
from zaohua.tasks.explain.judge import Judge
from zaohua.tasks.explain.subject import Subject
from zaohua.tasks.explain.vectors import inputs
from zaohua.tasks.latents import Latents

DIRECTIONS, STEPS, REACH = 3, 7, 2.5
"""Number of directions of each kind, items of a strip, and how far it reaches, in standard deviations."""
STRIDE = 4.0
"""How far a walk of a GAN reaches along a direction of length 1; latents of D dimensions lie about sqrt(D) from 0."""
CODED, FOLLOWED = 512, 32
"""Number of items whose latents are found, by an encoder and along an ODE."""


@dataclass(frozen=True, eq=False)
class Walk:
    """Items along a direction of latent space.

    Attributes:
        name: of the direction.
        x: the items as tensors, (n, ...); the item itself is in the middle, or at the left of a walk to a class.
        classes: what a classifier takes each for; empty without labels.
        chances: the probability of that class.
    """

    name: str
    x: Tensor
    classes: tuple[str, ...]
    chances: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Walks:
    """Walks through latent space.

    Attributes:
        walks: the walks.
        how: how their directions were found, in a sentence.
        accuracy: share of held-out items that the classifier recognises; None without labels.
    """

    walks: tuple[Walk, ...]
    how: str
    accuracy: float | None


def walks(subject: Subject) -> Walks:
    """Walk through latent space from the item.

    Raises:
        NotAvailable: the model has no latents.
    """
    model = subject.model
    given = None if subject.y is None or model.y_codec_ is None else _label(subject)
    latents = Latents(model, given)
    judge, accuracy = recogniser(subject)
    if isinstance(model, LatentGAN):
        start = latents.of_seed(0 if subject.seed is None else subject.seed)
        whose = "" if subject.seed is not None else ", from the latents of seed 0, since a GAN encodes no items"
        ways = [(f"direction {i + 1}", along) for i, along in enumerate(first_layer(model))]
        how = f"Directions are the singular vectors of the generator's first layer{whose}."
        spread = np.linspace(-STRIDE, STRIDE, STEPS)[:, None]
        drawn = [_walk(subject, latents, judge, name, start + spread * along) for name, along in ways]
        return Walks(tuple(drawn), how, accuracy)
    start = latents.of(subject.item)[0]
    codes, labels = subject.reference.train
    rows = np.arange(min(len(codes), CODED if hasattr(model, "transform") and model.latent_size != model.spec_.size
                         else FOLLOWED))  # fmt: skip
    z = latents.of(model.decode_tensors(model.prepare_items(Encoded(codes.codes).take(rows)).x))
    drawn = []
    for i, along in enumerate(principal(z)):
        spread = np.linspace(-REACH, REACH, STEPS)[:, None]
        drawn.append(_walk(subject, latents, judge, f"principal direction {i + 1}", start + spread * along))
    if labels is not None and judge is not None and model.y_codec_ is None:
        for name, along in _to_classes(z, list(labels[: len(rows)]), judge, subject):
            spread = np.linspace(0, 1.5, STEPS)[:, None]
            drawn.append(_walk(subject, latents, judge, name, start + spread * along))
    how = f"Latents of {len(z):,} training items, {latents.how}: their principal directions"
    return Walks(tuple(drawn), how + (", and the ways to the means of classes." if judge else "."), accuracy)


def principal(z: np.ndarray) -> np.ndarray:
    """Return the principal directions of latents (n, d), each one standard deviation long, (DIRECTIONS, d)."""
    _, sizes, directions = np.linalg.svd(z - z.mean(0), full_matrices=False)
    found: np.ndarray = sizes[:DIRECTIONS, None] / np.sqrt(len(z)) * directions[:DIRECTIONS]
    return found


def first_layer(model: LatentGAN) -> np.ndarray:
    """Return the directions of latents that the first layer of a generator changes most by, (DIRECTIONS, latents).

    Raises:
        NotAvailable: it has no such layer.
    """
    for module in model.nets_["generator"].modules():
        weight = getattr(module, "weight", None)
        if isinstance(module, (nn.Linear, nn.ConvTranspose2d)) and isinstance(weight, Tensor):
            matrix = weight if isinstance(module, nn.Linear) else weight.flatten(1).T
            if matrix.shape[1] >= model.latent_dim:
                part = matrix[:, : model.latent_dim].detach().double().cpu().numpy()
                found: np.ndarray = np.linalg.svd(part, full_matrices=False)[2][:DIRECTIONS]
                return found
    raise NotAvailable(f"the generator of this {type(model).__name__} has no linear first layer")


def recogniser(subject: Subject) -> tuple[Judge | None, float | None]:
    """Train a classifier of the labels of training items; None without labels, with its accuracy on held-out items."""
    try:
        reference = subject.reference
    except ZaohuaError:
        return None, None
    (codes, labels), (test, known) = reference.train, reference.test
    if not reference.classes or labels is None or known is None:
        return None, None
    judge = Judge(prepared(subject, codes), labels)
    return judge, judge.accuracy(prepared(subject, test), known)


def prepared(subject: Subject, codes: Encoded) -> Tensor:
    """Return items as inputs of a classifier."""
    parts = []
    for start in range(0, len(codes), 1024):
        rows = np.arange(start, min(start + 1024, len(codes)))
        parts.append(inputs(subject.model, subject.model.prepare_items(Encoded(codes.codes).take(rows)).x))
    return torch.cat(parts)


def _walk(subject: Subject, latents: Latents, judge: Judge | None, name: str, z: np.ndarray) -> Walk:
    made = latents.items(z)
    x = subject.model.prepare_items(subject.model.encode_items(made)).x
    if judge is None:
        return Walk(name, x, (), ())
    chances = judge.probabilities(inputs(subject.model, x))
    best = chances.argmax(1)
    return Walk(name, x, tuple(str(judge.classes[i]) for i in best), tuple(chances.max(1).tolist()))


def _to_classes(
    z: np.ndarray, labels: Sequence[object], judge: Judge, subject: Subject
) -> list[tuple[str, np.ndarray]]:
    """Return the ways from the class of the item to the classes whose means are nearest."""
    own = judge.classes[int(judge.probabilities(inputs(subject.model, subject.x))[0].argmax())]
    means = {
        label: z[[i for i, other in enumerate(labels) if other == label]].mean(0)
        for label in judge.classes
        if label in labels
    }
    if own not in means:
        return []
    ways = [(f"to {label}", mean - means[own]) for label, mean in means.items() if label != own]
    return sorted(ways, key=lambda way: float(np.linalg.norm(way[1])))[:DIRECTIONS]


def _label(subject: Subject) -> object:
    """Return the condition of the item as `sample` takes it."""
    model, codes = subject.model, subject.encoded.y_codes
    assert model.y_codec_ is not None and codes is not None
    return model.y_codec_.decode(codes)[0]

"""Which parts of an item an answer depends on.

Two answers are explained: log p(y | x), which follows from p(x | y) by Bayes' rule, and the log odds with which a small
classifier tells the item from the model's samples, or a sample from real items. A GAN's discriminator isn't asked: what
it looks at says how it was trained, not why an item looks as it does.

Grids are explained by integrated gradients and by occlusion. A cell of a table is left out of account, which models
that marginalise do exactly. The words of a text are left out one by one, to see which of them made the rest likely.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor

from zaohua.core.errors import NotAvailable, ZaohuaError
from zaohua.core.noise import ItemNoise, seeds_from_content
from zaohua.estimator.tensors import Encoded, LogProb
from zaohua.modalities.tables.codec import TableCodec
from zaohua.modalities.texts.codec import TextCodec
from zaohua.tasks.explain.attribution import Attribution, integrated_gradients, occlusion
from zaohua.tasks.explain.judge import Judge
from zaohua.tasks.explain.rows import cell_text, cells_of, class_probabilities, hidden, target_of
from zaohua.tasks.explain.subject import Subject, label_names
from zaohua.tasks.explain.surprisal import ByPlace
from zaohua.tasks.explain.vectors import inputs
from zaohua.tasks.explain.walks import prepared

BLOCKS, SAMPLES, WORDS = 9, 400, 24
"""Blocks along the longer side of what is occluded, samples that a classifier learns from, and words that are left
out at most."""


@dataclass(frozen=True, eq=False)
class Explained:
    """An answer, and the parts of the item that it depends on.

    Attributes:
        title: the answer, in words.
        at: its number, in nats or log odds.
        unit: of the number.
        gradients: shares by integrated gradients, of grids; None without.
        occlusion: how much the number loses without each part: of grids (*axes), else one for each of `names`.
        names: the cells or words.
        how: what was done, in a sentence.
    """

    title: str
    at: float
    unit: str
    gradients: Attribution | None
    occlusion: np.ndarray
    names: tuple[str, ...]
    how: str


def attributions(subject: Subject) -> tuple[Explained, ...]:
    """Explain the answers that the model allows.

    Raises:
        NotAvailable: there are none.
    """
    found, reasons = [], []
    for way in (bayes, prompt, real_or_not):
        try:
            found.append(way(subject))
        except ZaohuaError as error:
            reasons.append(str(error))
    if not found:
        raise NotAvailable("; ".join(reasons))
    return tuple(found)


def bayes(subject: Subject) -> Explained:
    """Explain log p(y | x) of the item's label, or of a column of a table.

    Raises:
        ZaohuaError: the model has no likelihood or no labels.
    """
    model = subject.model
    if not hasattr(model, "score_samples"):
        raise NotAvailable(f"a {type(model).__name__} has no likelihood, so p(y | x) isn't known")
    if model.score_kind == "estimate":
        raise NotAvailable(f"the likelihoods of a {type(model).__name__} are estimates that take too long")
    if isinstance(model.codec_, TableCodec):
        return _cells(subject)
    names = label_names(model)
    if not subject.is_grid:
        raise NotAvailable("p(y | x) is explained for grids and tables")
    f = class_log_probability(subject, len(names))
    base, block = usual(subject), max(1, -(-max(subject.x.shape[2:]) // BLOCKS))
    gradients: Attribution | None = None
    how = "Integrated gradients from the median training item, and occlusion of blocks by it."
    try:
        gradients = integrated_gradients(f, subject.x, base)
    except ZaohuaError as error:
        how = f"Occlusion of blocks by the median training item; no gradients, since {error}."
    lost = occlusion(f, subject.x, base, block)
    with torch.no_grad():
        at = float(f(subject.x))
    return Explained(f"log p({subject.given.split(',')[0]} | x), by Bayes' rule", at, "nats", gradients, lost, (), how)


def class_log_probability(subject: Subject, classes: int) -> Callable[[Tensor], Tensor]:
    """Return the function x -> log p(y | x) of the item's label y, with gradients where the model has them."""
    model, codec = subject.model, subject.model.y_codec_
    assert codec is not None
    if hasattr(model, "score_importance_samples"):
        model = model.with_options(score_importance_samples=8)
    prior, codes = codec.log_prior(), torch.arange(classes)
    y = model.prepare_conditions(codes, ItemNoise([0] * classes))
    own, weight = subject.label, torch.from_numpy(np.asarray(prior))
    (seed,) = seeds_from_content(subject.x, 0)  # the same random numbers for all points, so that f is smooth

    def f(x: Tensor) -> Tensor:
        joint = []
        for k in range(classes):
            assert isinstance(y, Tensor)
            log_prob = LogProb(model.log_prob, y[k : k + 1], 0)
            joint.append(log_prob(x, ItemNoise([seed] * len(x))).double() + weight[k])
        return torch.stack(joint, 1).log_softmax(1)[:, own]

    return f


def usual(subject: Subject) -> Tensor:
    """Return the median of training items, (1, ...), which attributions start from; zeros if these aren't known."""
    try:
        x = prepared(subject, subject.reference.train[0].take(np.arange(min(500, len(subject.reference.train[0])))))
    except ZaohuaError:
        return torch.zeros_like(subject.x)
    return x.median(0, keepdim=True).values


# ---- tables


def _cells(subject: Subject) -> Explained:
    model, x = subject.model, subject.x
    if not getattr(model, "marginalises", False):
        raise NotAvailable(f"a {type(model).__name__} can't leave cells out of account")
    skipped: list[int] = []
    if model.y_codec_ is not None:
        own, title = subject.label, subject.given.split(",")[0]
    else:
        name, skipped, _ = target_of(subject)
        own = int(x[0, skipped[0]])
        if own < 0:
            raise NotAvailable(f"the row says nothing of {name}")
        title = f"{name} = {cell_text(subject, name)}"
    cells = [(name, features) for name, features in cells_of(subject) if features != skipped]
    with model.inference():
        rows = torch.cat([x, *(hidden(subject, x, features) for _, features in cells)])
        log_p = class_probabilities(subject, rows)[:, own].double().numpy()
    how = "How much log p loses when a cell is left out of account."
    return Explained(
        f"log p({title} | the other cells)", float(log_p[0]), "nats", None, log_p[0] - log_p[1:],
        tuple(name for name, _ in cells), how,
    )  # fmt: skip


# ---- texts


def prompt(subject: Subject) -> Explained:
    """Leave out the words of the first half of a text one by one, to see what made the second half likely.

    Raises:
        NotAvailable: the item is no text, or is too short.
    """
    model = subject.model
    if not isinstance(model.codec_, TextCodec) or not hasattr(model, "nats_by_place"):
        raise NotAvailable("only models of texts have prompts")
    text = str(subject.item[0])
    cut = len(text) // 2
    cut = text.rfind(" ", 0, cut + 1) + 1 or cut
    words = [match.span() for match in re.finditer(r"\S+\s*|\s+", text[:cut])]
    if len(words) == 1:  # a language without spaces
        words = [(i, i + 1) for i in range(cut)]
    words = words[-WORDS:]
    if len(text) < 8 or len(words) < 2:
        raise NotAvailable("the text is too short to have a prompt")
    rest = text[cut:]
    at = _log_p(subject, text, rest)
    lost = np.array([at - _log_p(subject, text[:a] + text[b:], rest) for a, b in words])
    how = f"How much log p of what follows loses when a word before it is left out: “{_short(rest)}”"
    names = tuple(text[a:b] for a, b in words)
    return Explained("what follows, given the words before it", at, "nats", None, lost, names, how)


def _log_p(subject: Subject, text: str, end: str) -> float:
    """Return log p of the end of a text given its beginning."""
    model = subject.model
    codes = model.encode_items([text]).codes
    count = len(model.codec_.tokenizer_.encode(end, begins=False))
    x, _, noise = model.prepare_items(Encoded(codes))
    with model.inference():
        nats = cast(ByPlace, model).nats_by_place(x, subject.y, noise)[0]
    return -float(nats[-count - 1 : -1].double().sum())  # without the end of the text


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) < 60 else flat[:57] + "…"


# ---- real or made


def real_or_not(subject: Subject, samples: int = SAMPLES) -> Explained:
    """Explain with what log odds a small classifier takes the item for a sample of the model.

    Args:
        subject: the model and the item.
        samples: samples that the classifier learns from.

    Raises:
        ZaohuaError: there are no real items.
    """
    if not (subject.is_grid or subject.model.spec_.is_row):
        raise NotAvailable("samples are told from real items for grids and tables")
    codes = subject.reference.train[0]
    real = prepared(subject, codes.take(np.linspace(0, len(codes) - 1, min(len(codes), samples)).astype(int)))
    made = prepared(subject, subject.model.encode_items(subject.model.sample(len(real), random_state=2)))
    third = len(real) // 4
    judge = Judge(torch.cat([real[third:], made[third:]]), [False] * len(real[third:]) + [True] * len(made[third:]))
    accuracy = judge.accuracy(torch.cat([real[:third], made[:third]]), [False] * third + [True] * third)

    def f(x: Tensor) -> Tensor:
        logits: Tensor = judge.net(x)
        return logits[:, 1] - logits[:, 0]

    x = inputs(subject.model, subject.x)
    base = real.median(0, keepdim=True).values if subject.is_grid else real.mean(0, keepdim=True)
    gradients = integrated_gradients(f, x, base)
    how = (
        f"A classifier that tells {len(real):,} samples from as many real items: it is right on {accuracy:.0%} of "
        f"others (50 % is chance{'; so read nothing into this' if accuracy < 0.6 else ''})."
    )
    names: tuple[str, ...] = ()
    if subject.is_grid:
        lost = occlusion(f, x, base, max(1, -(-max(x.shape[2:]) // BLOCKS)))
    else:
        names, lost = _by_cell(subject, gradients.values)
    with torch.no_grad():
        at = float(f(x))
    return Explained("a sample of this model, or real?", at, "log odds", gradients, lost, names, how)


def _by_cell(subject: Subject, values: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
    """Add up the shares of the inputs of each cell of a row."""
    from zaohua.nn.rows import RowLayout

    layout = RowLayout(subject.model.spec_)
    each = {index: values[first : first + size].sum() for index, first, size in layout.categories}
    each |= {index: values[layout.one_hots + i] for i, index in enumerate(layout.reals)}
    cells = cells_of(subject)
    return tuple(name for name, _ in cells), np.array([sum(each[f] for f in features) for _, features in cells])

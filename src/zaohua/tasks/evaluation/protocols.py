"""Choice of a model's protocol, and of the real items for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeGuard

from zaohua.core.advice import option
from zaohua.core.errors import NoLabels, ZaohuaError
from zaohua.estimator.base import GenerativeModel
from zaohua.estimator.source import conditions_of, located
from zaohua.evaluation.protocol import EvaluationProtocol
from zaohua.evaluation.splits import IN_MEMORY, Items, Splits
from zaohua.evaluation.vectors import VectorProtocol
from zaohua.modalities import datasets
from zaohua.modalities.modality import Modality
from zaohua.modalities.reading import read
from zaohua.modalities.reading_options import reading
from zaohua.modalities.registry import known, modality_of, taken_by
from zaohua.modalities.remote.addresses import is_url
from zaohua.modalities.remote.fetching import local
from zaohua.tasks.evaluation.givens import given_of
from zaohua.training.trainable import Trainable


def kind_of(model: GenerativeModel) -> Modality | None:
    """Return the kind of data that a model generates; before it is fitted, the first that it supports.

    Returns:
        None for a codec of the user's own that belongs to no registered kind of data.
    """
    codec = getattr(model, "codec_", None)
    if codec is not None:
        return modality_of(type(codec))
    return next((kind for kind, _ in taken_by(model.codec_types)), None)


def kind_name(model: GenerativeModel) -> str:
    """Return the name of the kind of data that a model generates, for messages."""
    kind = kind_of(model)
    return f"items of {type(model.codec_).__name__}" if kind is None else kind.name


def protocol_class(model: GenerativeModel) -> type[EvaluationProtocol] | None:
    """Return the class of a model's protocol.

    Returns:
        The one that its kind of data names, else `VectorProtocol` for items whose tensors have one shape, else None.
    """
    kind = kind_of(model)
    if kind is not None and kind.protocol is not None:
        named: type[EvaluationProtocol] = kind.load(kind.protocol)
        return named
    if getattr(getattr(model, "spec_", None), "shape", None) is None:
        return None
    return VectorProtocol


def measured_kinds() -> list[str]:
    """Return the names of the kinds of data with their own protocol."""
    return [kind.name for kind in known() if kind.protocol is not None]


def compared_kinds() -> list[str]:
    """Return the names of the kinds of data whose protocol can order models."""
    return [kind.name for kind in known() if kind.protocol is not None and kind.load(kind.protocol).comparable]


def needed_protocol(model: GenerativeModel, name: object) -> type[EvaluationProtocol]:
    """Return the class of a model's protocol, or raise a `ZaohuaError` that names the model."""
    cls = protocol_class(model)
    if cls is None:
        raise ZaohuaError(
            f"evaluate measures {listed(measured_kinds(), 'and')}, and items of one size; {name} is a "
            f"{type(model).__name__}, of {kind_name(model)}: `zaohua score` tells how well it predicts items"
        )
    return cls


def listed(names: Iterable[str], word: str) -> str:
    """Join names to a phrase: "a, b and c"."""
    *most, last = names
    return f"{', '.join(most)} {word} {last}" if most else last


def protocol_for(
    model: GenerativeModel,
    samples: int,
    data: object = None,
    split: str | None = None,
    train: object = None,
    others: Sequence[GenerativeModel] = (),
    **options: object,
) -> EvaluationProtocol:
    """Create the protocol for a model.

    Args:
        model: fitted model.
        samples: maximum number of samples to draw.
        data, split, train: source of the real items (see `splits_of`).
        others: models that are compared with it, by the same items.
        options: options of the protocol (`EvaluationProtocol.options`); None for its default.

    Raises:
        ZaohuaError: there are no held-out items, or the protocol has no such option.
    """
    cls = needed_protocol(model, type(model).__name__)
    given = {name: value for name, value in options.items() if value is not None}
    for name in given:
        if name not in cls.options:
            raise ZaohuaError(f"--{name} isn't for models of {kind_name(model)}")
    create: Callable[..., EvaluationProtocol] = cls  # with options of its own
    return create(splits_of(model, data, split, train, cls, others), samples, **given)


def splits_of(
    model: GenerativeModel,
    data: object = None,
    split: str | None = None,
    train: object = None,
    protocol: type[EvaluationProtocol] | None = None,
    others: Sequence[GenerativeModel] = (),
) -> Splits:
    """Return the training items and the held-out items for the evaluation of a model.

    Without `data`, the held-out items are the test split of the training data, if there is one: in a named data set, or
    a folder with subfolders `train` and `test`. Otherwise they are the items held out for validation; figures are then
    unbiased only if no settings were chosen by them.

    Args:
        model: fitted model.
        data: items on which it wasn't trained: a path, the name of a data set, whose test split is used, items in
            memory, or a pair of these and their labels.
        split: "test" or "validation"; by default the first of them that exists.
        train: the training data, if these aren't known or were moved.
        protocol: class of the protocol that reads the items; by default that of the model.
        others: models that are compared with it, which must have held out the same items.

    Raises:
        ZaohuaError: there is no such split, it has labels that weren't in training, or the training data aren't known.
    """
    cls, models = protocol or needed_protocol(model, type(model).__name__), (model, *others)
    if split not in (None, "test", "validation"):
        raise ZaohuaError(f"split is {split!r}: it must be test or validation, as training items would reward copies")
    restores = getattr(model, "degrade", None) is not None  # which is measured without the items of training
    reads = train is not None or (cls.needs_training(model) and not restores)
    source, called = train, _name(train if train is not None else (model.source_ or {}).get("X"))
    if train is None:
        needed = reads or data is None
        source = located(model.source_, f"give them ({option('train')})" if needed else None)
    if source is None and reads:
        raise ZaohuaError(
            f"this {type(model).__name__} was trained on data in memory: give those data ({option('train')})"
        )
    kind = kind_of(model)
    about = ("", "items") if kind is None else (kind.name, kind.noun)
    given = given_of((model, *others))
    learnt = read_items(model, source, None, cls) if reads else None
    if data is not None:
        if _same_path(data, source):
            raise ZaohuaError(f"{data} is what the model was trained on: distances to it would reward copies")
        named = is_named(data)
        test = cls.common(models, _known_labels(model, data, read_items(model, data, "test" if named else None, cls)))
        return Splits(_name(data), "test" if named else "given", _part(learnt), _part(test), *about, given)
    why = ""
    if split != "validation" and source is not None:
        try:
            test = read_items(model, source, "test", cls)
        except ZaohuaError as error:
            why = f" ({error})"
        else:
            test = cls.common(models, _known_labels(model, source, test))
            return Splits(called, "test", _part(learnt), _part(test), *about, given)
    parts = None
    if split != "test" and source is not None and isinstance(model, Trainable) and model.validation_fraction:
        parts = cls.held_out(models, learnt or read_items(model, source, None, cls))
    if parts is None:
        share = f", or train with a share held out ({option('validation_fraction', 0.1)})"
        raise ZaohuaError(
            f"{called} has no test split{why}: give items that training never had ({option('data')})"
            + (share if isinstance(model, Trainable) else "")
        )
    return Splits(called, "validation", parts[0] if reads else None, cls.common(models, parts[1]), *about, given)


def read_items(model: GenerativeModel, source: object, split: str | None, cls: type[EvaluationProtocol]) -> Items:
    """Read all items of a source, with their labels if it has any.

    Args:
        model: fitted model.
        source: a path, the name of a data set, items in memory, or a pair of these and their labels.
        split: split of the source; None for that which `fit` reads.
        cls: class of the protocol.

    Raises:
        ZaohuaError: they are of another kind of data, or can't be read.
    """
    kind = kind_of(model)
    if kind is not None and is_named(source) and datasets.known()[source].modality != kind.name:
        raise ZaohuaError(
            f"{source} is a data set of {datasets.known()[source].modality}, and a {type(model).__name__} makes "
            f"{kind.name}"
        )
    with reading(**model.codec_.reading()):
        if isinstance(source, tuple):
            items, labels = read(*source, split=split, prefer=kind)
        elif (apart := _conditions_apart(model, source)) is not None:
            items, labels = read(source, apart, split=split, prefer=kind)
        else:
            try:
                items, labels = read(source, True, split=split, prefer=kind)
            except NoLabels:
                items, labels = read(source, split=split, prefer=kind)
    column = None if model.y_codec_ is None else (model.source_ or {}).get("y")
    if isinstance(column, str) and column in getattr(items, "columns", ()):
        items, labels = read(items, column)
    return cls.items(model, items, labels)


def _conditions_apart(model: GenerativeModel, source: object) -> str | None:
    """Return the path of the conditions of a model's training data, if a source is these data and they lie apart."""
    own = model.source_
    if model.y_codec_ is None or own is None or "y_at" not in own or not _same_path(source, located(own, None)):
        return None
    y = conditions_of(own, f"give the data with their conditions ({option('data')})")
    return y if isinstance(y, str) else None


def is_named(source: object) -> TypeGuard[str]:
    """Return True if a source is the name of a data set and not a path."""
    return isinstance(source, str) and source in datasets.known() and not Path(source).exists()


def _name(source: object) -> str:
    return str(source) if isinstance(source, (str, Path)) else IN_MEMORY


def _same_path(data: object, source: object) -> bool:
    """Return True for two paths of the same file or folder, or the same object in memory."""
    if not isinstance(data, (str, Path)) or not isinstance(source, (str, Path)):
        return data is source
    data, source = (local(path) if is_url(path) else path for path in (data, source))
    return Path(data).exists() and Path(source).exists() and Path(data).resolve() == Path(source).resolve()


def _part(items: Items | None) -> Items | None:
    """Limit the items of a split to their maximum number."""
    return None if items is None else items.some(items.most, 0)


def _known_labels(model: GenerativeModel, source: object, items: Items) -> Items:
    """Return the items, or raise a `ZaohuaError` if some of their labels weren't in the training data."""
    knows, labels = getattr(model.y_codec_, "knows", None), items.labels
    if knows is not None and labels is not None and not (known := knows(labels)).all():
        names = ", ".join(sorted({str(label) for label, ok in zip(labels, known, strict=True) if not ok})[:5])
        raise ZaohuaError(
            f"{_name(source)}: {int((~known).sum()):,} of {len(known):,} test items have labels that this "
            f"{type(model).__name__} never learnt ({names}): take them away, or give others ({option('data')})"
        )
    return items

"""Run `zaohua score RUN DATA`: tell how well a model predicts data, in bits per byte of texts, else nats per item."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import zaohua
from zaohua.cli import retrieval, runs
from zaohua.cli.flags import Flag, from_fields, leading, parse
from zaohua.cli.options import Options
from zaohua.cli.typed import plain
from zaohua.core import registry
from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.core.notes import gathered
from zaohua.core.params import fields_of
from zaohua.modalities.reading_options import reading

if TYPE_CHECKING:
    from zaohua.estimator.base import GenerativeModel
    from zaohua.families.autoregressive.texts import TextModel

CALL = "zaohua score RUN DATA [options]"
ABOUT = (
    "Tell how well a model predicts data that it hasn't seen: a file, a folder, or the test split of a named data set."
)
FLAGS = (
    Flag(
        "split",
        str | None,
        None,
        "Split of a named data set or a folder of splits; test by default for a name.",
        metavar="NAME",
    ),
    Flag(
        "y",
        tuple[str, ...],
        (),
        "Score given this condition, as in `zaohua sample`; of several, tell how probable each is for each item.",
        repeat=True,
        metavar="CONDITION|PART=CONDITION",
    ),
    Flag("y_file", str | None, None, "A file of conditions, as in `zaohua sample`.", metavar="FILE"),
    Flag(
        "of",
        Literal["conditions", "items"],
        "conditions",
        "What to choose from: tell which of several conditions fits each item, or which of the items each condition, "
        "such as captions of a picture by a model of captions.",
    ),
    Flag(
        "stride", int | None, None, "Of texts: tokens between the starts of two windows; by default half the context."
    ),
    Flag("surprisal", bool, False, "Of texts: print the surprisal of every token, a line of JSON for each text."),
    Flag(
        "labels",
        bool,
        True,
        "Score given the labels that the data carry.",
        off="Ignore the labels that the data carry.",
    ),
    Flag("json", bool, False, "Print the result as JSON."),
)


def main(arguments: Sequence[str]) -> None:
    """Score the data, and print the figures."""
    (run, data), rest = leading(arguments, "the run and the data come", CALL, ABOUT, FLAGS, 2)
    scoring = _scoring_flags(runs.read_model(run))
    values = parse("zaohua score RUN DATA", ABOUT, [*FLAGS, *scoring], rest)
    from zaohua.modalities import modality_of
    from zaohua.modalities.texts.codec import TextCodec

    model = zaohua.load(run).with_options(**{flag.name: values[flag.name] for flag in scoring})
    split = values.optional("split", str) or ("test" if runs.is_named(data) else "train")
    prefer = modality_of(type(model.codec_))
    given = retrieval.given(model, values)
    if given is not None and (len(given.names) > 1 or values["of"] == "items"):
        retrieval.tell(run, model, data, None if split == "train" else split, given, values)
        return
    with reading(**model.codec_.reading()):
        labels = values.of("labels", bool) and model.y_codec_ is not None and given is None
        X, y, _ = runs.read(data, split, labels, prefer=prefer)
        if given is not None:
            X, y = retrieval.with_condition(model, X, given)
    texts = isinstance(model.codec_, TextCodec)
    if not texts and (values["surprisal"] or values["stride"]):
        raise ZaohuaError(f"--surprisal and --stride are for models of texts, and {run} is a {type(model).__name__}")
    facts = _texts(model, X, y, values) if texts else _items(model, X, y)
    split = split if X is not data or runs.is_named(data) else ""
    about = {} if given is None else {"given": plain(given.names[0])}
    facts = {"run": str(Path(run)), "data": data, "split": split, **about, **facts, "trained_on": _trained_on(model, X)}
    if values["json"]:
        print(json.dumps(facts))
    elif not values["surprisal"]:
        width = max(map(len, facts))
        for name, value in facts.items():
            if name == "trained_on":
                value = f"{value:.0%} of these data: they don't say how well it predicts others" if value else ""
            if value != "":
                print(f"{name.replace('_', ' '):<{width}}  {_written(value)}")


def _scoring_flags(stored: Json) -> list[Flag]:
    """Make the flags of the fields of a run's model that affect scores; their defaults are the run's."""
    fields = fields_of(registry.stored_class(stored["model"]))
    chosen = {name: field for name, field in fields.items() if field.marker is not None and field.marker.scores}
    return from_fields(chosen, stored["parameters"])


def _written(value: object) -> object:
    return "unknown, of one item" if value is None else f"{value:.4f}" if isinstance(value, float) else value


def _trained_on(model: GenerativeModel, X: object) -> float | None:
    """Return the share of the data that the model was trained on, known by content; None if it remembers none."""
    with gathered():  # scoring has said what there is to say of the data
        found = model.count_seen(model.encode_items(X).codes)
    return None if found is None else found.share if found.accused else 0.0


def _texts(model: TextModel, X: object, y: object, values: Options) -> Json:
    """Measure nats per token and bits per byte and character, with the context and stride that they depend on."""
    from zaohua.modalities.texts.surprise import surprise

    def tell(number: int, tokens: list[Json]) -> None:
        print(json.dumps({"text": number, "tokens": tokens}, ensure_ascii=False))

    found = surprise(model, X, y, stride=values.optional("stride", int), each=tell if values["surprisal"] else None)
    return {
        "texts": found.texts,
        "tokens": found.tokens,
        "characters": found.characters,
        "bytes": found.size,
        "nats_per_token": found.per_token,
        "bits_per_byte": found.bits_per_byte,
        "bits_per_character": found.bits_per_character,
        "context": found.context,
        "stride": found.stride,
    }


def _items(model: GenerativeModel, X: object, y: object) -> Json:
    """Measure mean nats per item, with the standard error, which is unknown (None) of one item."""
    import numpy as np

    nats = model.score_samples(X, y)
    finite = bool(np.isfinite(nats).all())
    return {
        "items": len(nats),
        "nats_per_item": float(nats.mean()),
        "standard_error": float(np.std(nats, ddof=1) / len(nats) ** 0.5) if finite and len(nats) > 1 else None,
        "kind": model.score_kind,
        **({} if finite else {"of_probability_zero": int(np.isneginf(nats).sum())}),
    }

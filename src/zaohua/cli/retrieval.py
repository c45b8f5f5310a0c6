"""Score given conditions for `zaohua score RUN DATA --y ...`: one for all items, or which of several fits each best."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zaohua.cli.conditions import Given, given_conditions
from zaohua.cli.options import Options
from zaohua.cli.typed import plain
from zaohua.core.errors import ZaohuaError

if TYPE_CHECKING:
    from zaohua.estimator.base import GenerativeModel
    from zaohua.tasks.retrieve import Retrieved

KINDS = {"exact": "exact", "lower_bound": "a lower bound", "estimate": "an estimate"}
WIDEST = 60
"""Letters of an item or a condition in a table at most."""


def given(model: GenerativeModel, values: Options) -> Given | None:
    """Return the conditions of --y and --y-file; None without.

    Raises:
        ZaohuaError: the run takes none, or there are none to choose from.
    """
    words, file = values.texts("y"), values.optional("y_file", str)
    if not words and file is None:
        if values["of"] == "items":
            raise ZaohuaError("--of items: give the conditions with --y")
        return None
    if model.y_codec_ is None:
        raise ZaohuaError("this run was trained without conditions, so it can't take --y")
    return given_conditions(model.y_codec_, words, file)


def with_condition(model: GenerativeModel, data: object, condition: Given) -> tuple[object, object]:
    """Read data, and return the items and one condition for all of them."""
    from zaohua import modalities
    from zaohua.cli.typed import pick

    X = modalities.read(data, prefer=modalities.modality_of(type(model.codec_)))[0]
    n = len(model.encode_items(X).codes)
    return X, pick(condition.found, [0] * n)


def tell(run: str, model: GenerativeModel, data: str, split: str | None, conditions: Given, values: Options) -> None:
    """Print how well each condition fits each item, or each item each condition."""
    from zaohua import modalities
    from zaohua.modalities.reading_options import reading
    from zaohua.tasks.retrieve import retrieve

    of_items = values["of"] == "items"
    with reading(**model.codec_.reading()):
        X = modalities.read(data, split=split, prefer=modalities.modality_of(type(model.codec_)))[0]
    found = retrieve(model, X, conditions.found, of="items" if of_items else "conditions")
    items = _names(X, len(found.log_likelihoods))
    asked, chosen = (conditions.names, items) if of_items else (items, conditions.names)
    if values["json"]:
        facts = {"run": str(Path(run)), "data": data, "of": values["of"], "kind": found.score_kind}
        numbers = {"log_likelihoods": found.log_likelihoods.tolist(), "probabilities": found.probabilities.tolist()}
        names = {"items": plain(items), "conditions": plain(list(conditions.names))}
        print(json.dumps({**facts, **names, **numbers, "best": found.best.tolist()}))
        return
    print("\n".join(_lines(found, asked, chosen, of_items)))


def _lines(found: Retrieved, asked: Sequence[object], chosen: Sequence[object], of_items: bool) -> list[str]:
    """Write a table of all that may fit a single one, best first, or of the best for each of several."""
    scores = found.log_likelihoods.T if of_items else found.log_likelihoods
    what = ("condition", "item") if of_items else ("item", "condition")
    end = f"log p(x | y) in nats is {KINDS[found.score_kind]}; every {what[1]} was as probable beforehand"
    if len(asked) == 1:
        order = np.argsort(-found.probabilities[0], kind="stable")
        rows = [(f"{found.probabilities[0, i]:.3f}", f"{scores[0, i]:.2f}", _short(chosen[i])) for i in order]
        return [*_table(("probability", "log p(x | y)", what[1]), rows), end]
    best = found.best
    rows = [
        (
            f"{found.probabilities[row, i]:.3f}",
            f"{scores[row, i]:.2f}",
            f"{_short(chosen[i])}  <-  {_short(asked[row])}",
        )
        for row, i in enumerate(best)
    ]
    return [*_table(("probability", "log p(x | y)", f"best {what[1]}  <-  {what[0]}"), rows), end]


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Align the columns of a table; the last is of texts."""
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head) - 1)]
    return ["  ".join([*(c.rjust(w) for c, w in zip(row, widths, strict=False)), row[-1]]) for row in (head, *rows)]


def _names(items: Any, n: int) -> list[object]:
    """Return the names of n items: files, texts themselves, else numbers."""
    names = getattr(items, "paths", None) or items
    if isinstance(names, list) and len(names) == n and all(isinstance(name, (str, Path)) for name in names):
        return list(names)
    return [f"number {i}" for i in range(n)]


def _short(name: object) -> str:
    """Write an item or a condition in a line."""
    from zaohua.modalities.base import in_short

    if isinstance(name, dict):
        return textwrap.shorten(", ".join(f"{part}={in_short(value)}" for part, value in name.items()), WIDEST)
    return textwrap.shorten(str(name) if isinstance(name, Path) else in_short(name), WIDEST, placeholder=" ...")

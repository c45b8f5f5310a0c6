"""Writing of what a model learnt by `lora` as adapters for PEFT: a folder that is small beside the published model.

A run has its corrections merged into its weights. What they were follows from the weights of the published model that
it began from: the difference of each layer has the rank of the corrections, so two small matrices are exactly it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.core.notes import note
from zaohua.interop.adapters import WEIGHTS, linear_layers
from zaohua.interop.configuration import Plan, plan
from zaohua.interop.names import NAMES, TRANSPOSED, Join
from zaohua.interop.weights import full_name, sizes_of
from zaohua.storage import runs
from zaohua.storage.published import ADAPTERS, GGUF, is_published
from zaohua.storage.tensors import write_tensors

PREFIX = "base_model.model."
REST = 1e-5
"""Largest part of a layer, by its norm, that may be lost, which is rounding."""
OVERSAMPLED = 8
"""Directions in which a matrix is looked at beside as many as its rank."""


@dataclass(frozen=True)
class Begun:
    """The published model that a model began from.

    Attributes:
        name: its folder or name.
        published: what is remembered of it, with its `config`.
        rank: rank that all corrections since can have together.
    """

    name: str
    published: Json
    rank: int


def refusal(model: Any) -> str | None:
    """Return why a model has no adapters; None if it has."""
    try:
        _begun(model)
    except ZaohuaError as error:
        return str(error)
    return None


def write(model: Any, folder: Path, numbers: str = "f32") -> str:
    """Write the adapters of a model into an empty folder; return what was written in words.

    Raises:
        ZaohuaError: more was changed than adapters can be.
    """
    begun = _begun(model)
    what = plan(begun.published["config"], begun.name)
    base = runs.base_weights(begun.name, begun.name)
    ours = {name.removeprefix("net."): value.float() for name, value in model.tensors().items()}
    theirs = {name.removeprefix("net."): value.float() for name, value in base.items()}
    found = dict(_all(ours, theirs, what, begun.rank))
    ranks = [len(value) for name, value in found.items() if ".lora_A." in name]
    write_tensors(folder / WEIGHTS, {name: _filled(value, max(ranks), name) for name, value in found.items()})
    config = _config(begun, what, max(ranks))
    (folder / ADAPTERS).write_text(json.dumps(config, indent=1) + "\n", "utf-8")
    if Path(begun.name).suffix == GGUF:
        note(f"PEFT reads bases as folders of Hugging Face: write that of {begun.name} into {ADAPTERS}")
    return f"adapters of rank {max(ranks)} for {begun.name}, {len(ranks)} layers"


def _begun(model: Any) -> Begun:
    """Return the published model that a model began from, through all runs between.

    Raises:
        ZaohuaError: there is none, or other weights than adapters were trained since.
    """
    base: Json | None = getattr(model, "base_", None)
    if base is None or "published" not in base:
        raise ZaohuaError(f"it didn't begin from a published model ({option('base')}), so it has nothing to adapt")
    rank, published = int(getattr(model, "lora", 0)), base["published"]
    trained, name = bool(model.n_steps_), base["run"]
    while True:
        if trained and not rank:
            raise ZaohuaError(f"it was trained without {option('lora')}, so all of its weights differ from the base's")
        if name is None:
            raise ZaohuaError("a model that it began from was in memory only: save it, and fine-tune that")
        data, _ = runs.load_model(name, weights=False)
        if is_published(name) and "adapters_of" not in data["base"]["published"]:
            break
        if is_published(name):
            return Begun(published["adapters_of"], published, rank + int(published["rank"]))
        trained, own = True, int(data["parameters"].get("lora", 0))
        if not own:
            raise ZaohuaError(f"{name} was trained without {option('lora')}, so all weights differ from the base's")
        rank, name = rank + own, data["base"]["run"]
    if not rank:
        raise ZaohuaError("it is as it was published, without adapters")
    return Begun(name, published, rank)


def _all(
    ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor], what: Plan, rank: int
) -> Iterator[tuple[str, Tensor]]:
    """Yield the matrices of all layers by PEFT's names; check that nothing else was changed."""
    layers, left = dict(linear_layers(what)), set(ours)
    for join in NAMES[what.kind].joins(what.layers):
        names = [f"{name}.weight" for name in join.ours]
        if names[0] not in ours or f"{join.theirs[0]}.weight" not in layers:
            continue
        left -= {*names}
        before = torch.cat([theirs[name] for name in names])
        change = torch.cat([ours[name] for name in names]) - before
        b, a = factors(change, min(rank * len(names), *change.shape), float(before.norm()), names[0])
        for name, part in zip(join.theirs, _parts(b, join, what), strict=True):
            full = PREFIX + full_name(f"{name}.weight", what).removesuffix(".weight")
            yield f"{full}.lora_A.weight", a
            yield f"{full}.lora_B.weight", part
    for name in sorted(left):
        if name not in theirs or not torch.equal(ours[name], theirs[name]):
            raise ZaohuaError(f"{name} isn't as in the base, and adapters are of the layers in blocks only")


def _parts(b: Tensor, join: Join, what: Plan) -> list[Tensor]:
    """Divide the rows of a matrix among the published layers; those of a layer with the inputs first stay rows."""
    turned = b if join.change in (None, TRANSPOSED) else join.change.theirs(b, what)
    return list(turned.split(sizes_of(join, what, len(b))))


def factors(change: Tensor, rank: int, size: float, name: str) -> tuple[Tensor, Tensor]:
    """Return B and A, whose product is a matrix of a rank.

    Args:
        change: the matrix, (rows, columns).
        rank: columns of B and rows of A.
        size: norm of the layer that it belongs to.
        name: of the layer, for the message.

    Raises:
        ZaohuaError: the matrix has a higher rank.
    """
    exact = change.double()
    random = torch.Generator().manual_seed(0)
    seen = exact @ torch.randn(exact.shape[1], rank + OVERSAMPLED, dtype=exact.dtype, generator=random)
    basis = torch.linalg.qr(seen).Q
    u, s, v = torch.linalg.svd(basis.T @ exact, full_matrices=False)
    root = s[:rank].sqrt()
    b, a = ((basis @ u)[:, :rank] * root).float(), (root[:, None] * v[:rank]).float()
    if float((exact - b.double() @ a.double()).norm()) > REST * size:
        raise ZaohuaError(
            f"{name} differs from the base by more than adapters of rank {rank} can: is the base another?"
        )
    return b, a


def _filled(x: Tensor, rank: int, name: str) -> Tensor:
    """Fill a matrix up with zeros to a rank, as PEFT wants one rank for all."""
    missing = rank - (len(x) if ".lora_A." in name else x.shape[1])
    return torch.nn.functional.pad(x, (0, 0, 0, missing) if ".lora_A." in name else (0, missing)).contiguous()


def _config(begun: Begun, what: Plan, rank: int) -> Json:
    """Return the content of `adapter_config.json`."""
    name, _, revision = begun.name.partition("@") if not Path(begun.name).exists() else (begun.name, "", "")
    layers = dict(linear_layers(what))
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "auto_mapping": None,
        "base_model_name_or_path": name,
        "revision": revision or None,
        "inference_mode": True,
        "r": rank,
        "lora_alpha": rank,
        "lora_dropout": 0.0,
        "use_rslora": False,
        "use_dora": False,
        "bias": "none",
        "modules_to_save": None,
        "init_lora_weights": True,
        "fan_in_fan_out": any(layers.values()),
        "target_modules": sorted({layer.split(".")[-2] for layer in layers}),
    }

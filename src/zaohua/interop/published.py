"""Published transformers as models of ours: what `zaohua.load` and `--base` get from a folder, a .gguf or the hub."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.core.notes import note
from zaohua.interop import huggingface, licences, weights
from zaohua.interop.adapters import Adapters
from zaohua.interop.configuration import Plan, plan
from zaohua.storage import runs
from zaohua.storage.layout import MODEL
from zaohua.storage.published import ADAPTERS, GGUF, is_hub_name

CONTEXT = 1024
"""Number of tokens of a model's context at first, if it has learnt to read more."""


@dataclass(frozen=True)
class Published:
    """A published model, as its files have it.

    Attributes:
        name: where it is, for messages.
        config: content of `config.json`.
        plan: which network it has.
        weights: its weights by their published names; empty if only settings were asked for.
        tokenizer: content of `tokenizer.json`.
        template: chat template, or None.
        special: content of `tokenizer_config.json`.
        generation: content of `generation_config.json`.
        licence: name of its licence, or None.
        revision: hash of what was fetched, or None.
        adapters: settings of the adapters that are added to the weights, or None.
    """

    name: str
    config: Json
    plan: Plan
    weights: Mapping[str, Tensor]
    tokenizer: str
    template: str | None
    special: Json
    generation: Json
    licence: str | None = None
    revision: str | None = None
    adapters: Adapters | None = None


def read(path: str, with_weights: bool = True) -> Published:
    """Read a published model.

    Args:
        path: a folder of Hugging Face or PEFT, a .gguf, or `org/name[@revision]`.
        with_weights: False to read its settings only.

    Raises:
        ZaohuaError: it is incomplete, damaged, or of a kind that can't be read.
    """
    if is_hub_name(path):
        from zaohua.interop.hub import fetched

        found = fetched(path)
        return _local(found.pinned, found.folder, with_weights, found.revision)
    return _local(path, Path(path), with_weights)


def _local(name: str, path: Path, with_weights: bool, revision: str | None = None) -> Published:
    """Read a published model of this machine."""
    if path.suffix == GGUF and path.is_file():
        return _gguf(path, with_weights)
    if (path / ADAPTERS).exists() and not (path / huggingface.CONFIG).exists():
        return _adapted(name, path, with_weights, revision)
    return _folder(name, path, with_weights, revision)


def _adapted(name: str, folder: Path, with_weights: bool, revision: str | None) -> Published:
    """Read a folder of adapters, with the base that it names; a tokenizer and a chat template of its own go first."""
    adapters = Adapters.of(folder)
    base = read(adapters.base, with_weights)
    special = huggingface.read_json(folder / huggingface.TOKENIZER_CONFIG, needed=False)
    own = folder / huggingface.TOKENIZER
    return replace(
        base,
        name=name,
        weights=adapters.weights(base.weights, base.plan) if with_weights else {},
        tokenizer=huggingface.read_text(own) if own.is_file() else base.tokenizer,
        template=huggingface.template_of(folder, special) or base.template,
        licence=base.licence or huggingface.licence_of(folder),
        revision=revision,
        adapters=adapters,
    )


def _folder(name: str, folder: Path, with_weights: bool, revision: str | None = None) -> Published:
    """Read a Hugging Face folder."""
    config = huggingface.read_json(folder / huggingface.CONFIG)
    what = plan(config, str(folder / huggingface.CONFIG))
    special = huggingface.read_json(folder / huggingface.TOKENIZER_CONFIG, needed=False)
    if not (folder / huggingface.TOKENIZER).is_file():
        raise ZaohuaError(f"{folder} has no {huggingface.TOKENIZER}: save its tokenizer as a fast one")
    return Published(
        name,
        config,
        what,
        huggingface.Shards(folder) if with_weights else {},
        huggingface.read_text(folder / huggingface.TOKENIZER),
        huggingface.template_of(folder, special),
        special,
        huggingface.read_json(folder / huggingface.GENERATION, needed=False),
        huggingface.licence_of(folder),
        revision,
    )


def _gguf(path: Path, with_weights: bool) -> Published:
    """Read a .gguf file."""
    from zaohua.interop.gguf_reading import File, Weights
    from zaohua.interop.gguf_tokenizer import tokenizer_of

    file = File(path)
    config = file.config()
    what = plan(config, str(path))
    return Published(
        str(path),
        config,
        what,
        Weights(file, what) if with_weights else {},
        tokenizer_of(file.values, path),
        file.values.get("tokenizer.chat_template"),
        {"add_bos_token": file.values.get("tokenizer.ggml.add_bos_token")},
        {},
        file.values.get("general.license"),
    )


def load_model(path: str, with_weights: bool) -> tuple[Json, dict[str, Tensor] | None]:
    """Read a published model, or a run of the hub, as `storage.runs.load_model` reads a run.

    Args:
        path: as for `read`.
        with_weights: False to skip the tensors.

    Returns:
        As `storage.runs.load_model`; of the hub, with its name and its revision as "hub".
    """
    if not is_hub_name(path):
        return _as_run(_local(path, Path(path), with_weights), with_weights)
    from zaohua.interop.hub import fetched

    found = fetched(path)
    if (found.folder / MODEL).is_file():
        data, tensors = runs.load_model(found.folder, with_weights)
    else:
        data, tensors = _as_run(_local(found.pinned, found.folder, with_weights, found.revision), with_weights)
    return {**data, "hub": found.pinned}, tensors


def _as_run(found: Published, with_weights: bool) -> tuple[Json, dict[str, Tensor] | None]:
    """Return a published model as the content of a run."""
    if (limit := licences.limit(found.licence)) is not None:
        note(f"{found.name} is published under {found.licence}, which {limit}")
    tensors = None
    if with_weights:
        theirs = weights.ours(found.weights, found.plan, found.name)
        tensors = {f"net.{name}": value for name, value in theirs.items()}
    return as_run(found), tensors


SETTINGS: Json = {
    "optimizer": "adamw",
    "learning_rate": 2e-4,
    "weight_decay": 0.0,
    "dropout": 0.0,
    "batch_size": 8,
    "warmup_steps": 20,
}
"""Settings of training that published weights are fine-tuned with, where other models begin from nothing."""


def as_run(found: Published) -> Json:
    """Return the content of the `model.json` of a published model, as if it had been trained here."""
    from zaohua.modalities.texts.published import PublishedTextCodec

    what = found.plan
    codec = PublishedTextCodec.of(found.tokenizer, what.vocabulary, template=found.template, **special_tokens(found))
    sizes: Json = {"width": what.width, "layers": what.layers, "heads": what.heads}
    published: Json = {"config": found.config, "generation": found.generation, "licence": found.licence}
    if found.adapters is not None:
        published |= {"adapters_of": found.adapters.base, "rank": found.adapters.rank}
    return {
        "model": "GPT",
        "parameters": {
            **SETTINGS,
            **sizes,
            "context": min(what.context, CONTEXT),
            "architecture": what.blueprint.to_json(),
            **sampling(found.generation),
        },
        "codec_option": None,
        "codec": codec.to_json(),
        "y_codec": None,
        "seed": None,
        "source": None,
        "base": {"run": found.name, "steps": 0, "seed": None, "revision": found.revision, "published": published},
        "state": {"steps": 0, "seconds": 0.0},
    }


def special_tokens(found: Published) -> dict[str, Any]:
    """Return the special tokens of a model, as `PublishedTextCodec.of` takes them.

    Raises:
        ZaohuaError: it names no token that ends texts.
    """
    ends = [*_tokens(found.generation.get("eos_token_id")), *_tokens(found.config.get("eos_token_id"))]
    if not ends:
        raise ZaohuaError(f"{found.name} names no token that ends texts (eos_token_id in its config.json)")
    begins = _tokens(found.config.get("bos_token_id", found.generation.get("bos_token_id")))
    pads = _tokens(found.config.get("pad_token_id", found.generation.get("pad_token_id")))
    adds = found.special.get("add_bos_token")
    return {
        "bos": begins[0] if begins else None,
        "eos": list(dict.fromkeys(ends)),
        "pad": pads[0] if pads else None,
        "adds_bos": adds if isinstance(adds, bool) else None,
    }


def _tokens(value: object) -> list[int]:
    """Return one token or several as a list."""
    values = value if isinstance(value, list) else [value]
    return [one for one in values if isinstance(one, int) and not isinstance(one, bool)]


def sampling(generation: Json) -> Json:
    """Return how the makers of a model recommend to draw from it."""
    out: Json = {"temperature": 1.0, "top_k": 0}
    for name, low, high in (
        ("temperature", 0.0, 10.0),
        ("top_p", 1e-6, 1.0),
        ("min_p", 0.0, 1.0),
        ("repetition_penalty", 1.0, 10.0),
    ):
        value = generation.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high:
            out[name] = float(value)
    most = generation.get("top_k")
    if isinstance(most, int) and not isinstance(most, bool) and most > 0:
        out["top_k"] = most
    return out

"""Published transformers as models of ours: what `zaohua.load` and `--base` get from a folder, a .gguf or the hub."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.core.notes import note
from zaohua.interop import huggingface, weights
from zaohua.interop.configuration import Plan, plan
from zaohua.storage.published import GGUF, is_hub_name

CONTEXT = 1024
"""Number of tokens of a model's context at first, if it has learnt to read more."""
LIMITS = {
    "cc-by-nc": "isn't for commercial use",
    "cc-by-nd": "mustn't be changed and passed on",
    "gemma": "comes with Google's terms of use",
    "llama": "comes with Meta's terms of use",
    "other": "comes with terms of its own",
}
"""What licences don't permit to everybody, by the beginnings of their names."""


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


def read(path: str, with_weights: bool = True) -> Published:
    """Read a published model.

    Args:
        path: a Hugging Face folder, a .gguf, or `org/name[@revision]`.
        with_weights: False to read its settings only.

    Raises:
        ZaohuaError: it is incomplete, damaged, or of a kind that can't be read.
    """
    if is_hub_name(path):
        from zaohua.interop.hub import fetched

        folder, revision = fetched(path)
        return _folder(path, folder, with_weights, revision)
    return _gguf(Path(path), with_weights) if Path(path).suffix == GGUF else _folder(path, Path(path), with_weights)


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
    """Read a published model as `storage.runs.load_model` reads a run.

    Args:
        path: as for `read`.
        with_weights: False to skip the tensors.
    """
    found = read(path, with_weights)
    for beginning, limit in LIMITS.items():
        if (found.licence or "").casefold().startswith(beginning):
            note(f"{path} is published under {found.licence}, which {limit}")
    tensors = None
    if with_weights:
        tensors = {f"net.{name}": value for name, value in weights.ours(found.weights, found.plan, path).items()}
    return as_run(found), tensors


SETTINGS: Json = {
    "optimizer": "adamw",
    "learning_rate": 2e-4,
    "weight_decay": 0.0,
    "dropout": 0.0,
    "batch_size": 8,
}
"""Settings of training that published weights are fine-tuned with, where other models begin from nothing."""


def as_run(found: Published) -> Json:
    """Return the content of the `model.json` of a published model, as if it had been trained here."""
    from zaohua.modalities.texts.published import PublishedTextCodec

    what = found.plan
    codec = PublishedTextCodec.of(found.tokenizer, what.vocabulary, template=found.template, **special_tokens(found))
    sizes: Json = {"width": what.width, "layers": what.layers, "heads": what.heads}
    published: Json = {"config": found.config, "generation": found.generation, "licence": found.licence}
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
    for name, low, high in (("temperature", 0.0, 10.0), ("top_p", 1e-6, 1.0), ("repetition_penalty", 1.0, 10.0)):
        value = generation.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high:
            out[name] = float(value)
    most = generation.get("top_k")
    if isinstance(most, int) and not isinstance(most, bool) and most > 0:
        out["top_k"] = most
    return out

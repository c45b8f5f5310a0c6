"""Export to a .gguf file, which llama.cpp and what is built on it run; `gguf_reading` is the other way round."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.core.notes import note
from zaohua.interop import gguf_stretch, publishing
from zaohua.interop.cards import card
from zaohua.interop.configuration import Plan, plan
from zaohua.interop.configuring import plain
from zaohua.interop.gguf_names import ARCHITECTURES, STRETCH, change_of, keys_of
from zaohua.interop.gguf_reading import File
from zaohua.interop.gguf_vocabulary import vocabulary_of
from zaohua.interop.huggingface import README
from zaohua.interop.published import Published

if TYPE_CHECKING:
    import numpy as np
    from gguf import GGMLQuantizationType, GGUFWriter

FILE = "model.gguf"
TYPES = {"f32": 0, "f16": 1, "q8_0": 7}
"""llama.cpp's numbers of the types of files."""
MOST_HALF = 65504.0
"""Largest number of 16 bits."""
USE = """\
```sh
llama-cli -m model.gguf
```

For Ollama, write `FROM ./model.gguf` into a file named `Modelfile`, and run `ollama create NAME -f Modelfile`.
"""


def refusal(model: Any) -> str | None:
    """Return why a model can't be written as a .gguf; None if it can."""
    reason = publishing.refusal(model)
    if reason is not None:
        return reason
    what = plan(publishing.config_of_model(model))
    if what.kind == "nanochat":
        return f"llama.cpp has no architecture like ours: train with {option('architecture', 'llama')}"
    if what.kind not in ARCHITECTURES:
        return f"models of the type {what.kind} aren't written to .gguf; known: {', '.join(ARCHITECTURES)}"
    return None


def write(model: Any, folder: Path, numbers: str) -> str:
    """Write a model into an empty folder; return what was written in words."""
    found = publishing.published_of(model)
    write_published(found, folder / FILE, numbers)
    (folder / README).write_text(card(model, found, USE, "llama.cpp"), "utf-8", newline="\n")
    size = (folder / FILE).stat().st_size
    return f"{FILE}, {size / 2**20:,.1f} MiB, {ARCHITECTURES[found.plan.kind]} in {numbers}"


def write_published(found: Published, path: Path, numbers: str) -> None:
    """Write a published model as a .gguf.

    Raises:
        ZaohuaError: the format can't say what the network or its tokenizer is, or the numbers are too large.
    """
    from gguf import GGML_QUANT_VERSION, MODEL_ARCH, MODEL_ARCH_NAMES, GGUFWriter, get_tensor_name_map

    what = found.plan
    name = ARCHITECTURES[what.kind]
    writer = GGUFWriter(path, name)
    about = {"general.name": path.stem, "general.file_type": TYPES[numbers], "general.license": found.licence}
    about["general.quantization_version"] = GGML_QUANT_VERSION
    for key, value in {**about, **_settings(what), **vocabulary_of(found)}.items():
        _add(writer, key, value)
    arch = next(arch for arch in MODEL_ARCH if MODEL_ARCH_NAMES[arch] == name)
    names = get_tensor_name_map(arch, what.layers)
    for theirs, value in found.weights.items():
        change = change_of(theirs, what)
        if change is not None:
            value = change.theirs(value, what)
        stem, _, suffix = theirs.rpartition(".")
        data, kind = _numbers(value.contiguous().numpy(), theirs, numbers)
        writer.add_tensor(f"{names.get_name(stem)}.{suffix}", data, raw_dtype=kind)
    stretch = what.blueprint.stretch
    if stretch is not None and stretch.kind == "llama3":
        turned = int(what.head_width * what.blueprint.rotary_share)
        writer.add_tensor(gguf_stretch.NAME, gguf_stretch.divisors(stretch, what.blueprint.rotary_base, turned))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    _check(what, path)


def _settings(what: Plan) -> Json:
    """Return the settings of a network as metadata."""
    blueprint, keys = what.blueprint, keys_of(what.kind)
    inner = blueprint.inner_of(what.width)
    if what.kind == "gpt2":
        values: Json = {
            "n_embd": what.width,
            "n_layer": what.layers,
            "n_head": what.heads,
            "n_positions": what.context,
            "n_inner": inner,
            "layer_norm_epsilon": blueprint.norm_eps,
        }
        return _named(what, {keys[name]: value for name, value in values.items()})
    values = {
        "hidden_size": what.width,
        "num_hidden_layers": what.layers,
        "num_attention_heads": what.heads,
        "num_key_value_heads": what.kv_heads,
        "head_dim": what.head_width,
        "intermediate_size": inner,
        "max_position_embeddings": what.context,
        "rms_norm_eps": blueprint.norm_eps,
        "rope_theta": blueprint.rotary_base,
        "sliding_window": blueprint.window,
        "attn_logit_softcapping": blueprint.attention_cap,
        "final_logit_softcapping": blueprint.logit_cap,
        "embedding_multiplier": blueprint.embedding_scale,
        "residual_multiplier": blueprint.residual_scale,
        "attention_multiplier": blueprint.attention_scale,
        "logits_scaling": 1 / blueprint.logit_scale,
    }
    found = {keys[name]: value for name, value in values.items() if name in keys}
    found["attention.value_length"] = what.head_width
    found["rope.dimension_count"] = int(what.head_width * blueprint.rotary_share)
    return _named(what, {**found, **_stretch(what), "vocab_size": what.vocabulary})


def _named(what: Plan, values: Json) -> Json:
    """Put the architecture's name before those of settings that have a value."""
    return {f"{ARCHITECTURES[what.kind]}.{key}": value for key, value in values.items() if value is not None}


def _stretch(what: Plan) -> Json:
    """Return the change of rotary frequencies as metadata."""
    stretch = what.blueprint.stretch
    if stretch is None or stretch.kind == "llama3":  # that is a tensor
        return {}
    values: Json = {"rope_type": stretch.kind, "factor": stretch.factor}
    if stretch.kind == "yarn":
        values |= {"original_max_position_embeddings": stretch.context, "attention_factor": stretch.scale}
    return {STRETCH[name]: value for name, value in values.items()}


def _add(writer: GGUFWriter, key: str, value: Any) -> None:
    """Add metadata, by the type of their value."""
    if isinstance(value, bool):
        writer.add_bool(key, value)
    elif isinstance(value, int):
        writer.add_uint32(key, value)
    elif isinstance(value, float):
        writer.add_float32(key, value)
    elif isinstance(value, list):
        writer.add_array(key, value)
    elif value is not None:
        writer.add_string(key, str(value))


def _numbers(value: np.ndarray, name: str, numbers: str) -> tuple[np.ndarray, GGMLQuantizationType]:
    """Return a weight in a type of numbers, as llama.cpp keeps it: vectors and learnt positions stay float32.

    Rows that can't be divided into blocks of 8-bit numbers have 16 bits.
    """
    from gguf import GGMLQuantizationType as Kind
    from gguf import quantize

    kind = {"f32": Kind.F32, "f16": Kind.F16, "q8_0": Kind.Q8_0}[numbers]
    if value.ndim < 2 or name == "transformer.wpe.weight":
        kind = Kind.F32
    elif kind is Kind.Q8_0 and value.shape[-1] % 32:
        kind = Kind.F16
    if kind is Kind.F16 and float(abs(value).max()) > MOST_HALF:
        raise ZaohuaError(f"{name} has numbers beyond {MOST_HALF:,.0f}, which 16 bits can't hold: give f32")
    return quantize(value, kind), kind


def _check(what: Plan, path: Path) -> None:
    """Check that a file says which network it has.

    Raises:
        ZaohuaError: the format has no place for one of its settings.
    """
    said = plan(File(path).config(), str(path))
    mine, theirs = (dataclasses.asdict(plain(each.blueprint, each.width, each.heads)) for each in (what, said))
    if what.kind == "gpt2" and mine["activation"] == "gelu":
        mine["activation"] = theirs["activation"]
        note("llama.cpp computes GELU by tanh, and the model learnt with the exact one: logits differ a little")
    for name, value in mine.items():
        if not _equal(value, theirs[name]):
            raise ZaohuaError(f"a .gguf of {what.kind} can't say that {name} is {value!r:.60}: export to hf instead")


def _equal(one: object, other: object) -> bool:
    """Return whether values are the same, numbers as 32 bits hold them."""
    if isinstance(one, dict) and isinstance(other, dict):
        return all(_equal(one[name], other[name]) for name in one)
    if isinstance(one, float) and isinstance(other, (int, float)):
        return math.isclose(one, other, rel_tol=1e-6)
    return one == other

"""Reading of .gguf files, as configuration, weights and tokenizer of a Hugging Face folder.

The package gguf knows the format, the names of tensors and the quantisation, `gguf_names` what llama.cpp changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.interop import gguf_bounds, gguf_stretch
from zaohua.interop.configuration import Plan
from zaohua.interop.gguf_names import KINDS, STRETCH, change_of, keys_of
from zaohua.interop.names import NAMES

if TYPE_CHECKING:
    from gguf import GGUFReader


class File:
    """A .gguf file.

    Args:
        path: the file.

    Raises:
        ZaohuaError: the package gguf isn't installed, or the file is damaged.
    """

    def __init__(self, path: Path) -> None:
        try:
            from gguf import GGUFReader
        except ImportError:
            raise ZaohuaError(f"to read {path}, install the package gguf: pip install 'zaohua[gguf]'") from None
        self.path = path
        gguf_bounds.check(path)
        try:
            self.reader: GGUFReader = GGUFReader(path)
            self.values: Json = {name: field.contents() for name, field in self.reader.fields.items()}
        except (ValueError, IndexError, KeyError, TypeError, OverflowError, MemoryError, OSError) as error:
            raise ZaohuaError(f"{path} isn't a readable .gguf: {str(error)[:100]}") from None
        self.architecture = str(self.values.get("general.architecture"))
        self.shapes = {tensor.name: tuple(map(int, tensor.shape)) for tensor in self.reader.tensors}

    def get(self, name: str, default: Any = None) -> Any:
        """Return a value of the architecture, `name` without its prefix."""
        return self.values.get(f"{self.architecture}.{name}", default)

    def config(self) -> Json:
        """Return what `config.json` would say.

        Raises:
            ZaohuaError: the architecture isn't known.
        """
        if self.architecture not in KINDS:
            raise ZaohuaError(f"{self.path}: {self.architecture} can't be read; known: {', '.join(KINDS)}")
        kind = KINDS[self.architecture]
        tokens = self.values.get("tokenizer.ggml.tokens")
        common: Json = {
            "model_type": kind,
            "vocab_size": self.shapes.get("token_embd.weight", (0, 0))[-1],
            "bos_token_id": self.values.get("tokenizer.ggml.bos_token_id"),
            "eos_token_id": self.values.get("tokenizer.ggml.eos_token_id"),
            "tie_word_embeddings": "output.weight" not in self.shapes,
        }
        if tokens is None:
            raise ZaohuaError(f"{self.path} has no tokenizer")
        known = self._settings(kind) if kind == "gpt2" else self._llama(kind)
        return {**common, **{name: value for name, value in known.items() if value is not None}}

    def _settings(self, kind: str) -> Json:
        """Return the settings that have only another name here."""
        return {name: self.get(key) for name, key in keys_of(kind).items()}

    def _llama(self, kind: str) -> Json:
        out = self._settings(kind)
        heads, width = out["num_attention_heads"], out["hidden_size"]
        size = out["head_dim"] or (width // heads if heads and width else None)
        biased, turned = "blk.0.attn_q.bias" in self.shapes, self.get("rope.dimension_count")
        out |= {
            "head_dim": size,
            "partial_rotary_factor": turned / size if turned and size else None,
            "rope_scaling": self._stretch(out["rope_theta"]),
            "attention_bias": biased if kind != "qwen2" else None,
        }
        if kind == "arcee":
            out["hidden_act"] = "relu2"
        if kind in ("gemma2", "gemma3_text"):  # 27 billion weights are scaled by their width instead
            out["query_pre_attn_scalar"] = size
        return out

    def _stretch(self, base: float | None) -> Json | None:
        """Return the change of rotary frequencies."""
        divided = next((tensor for tensor in self.reader.tensors if tensor.name == gguf_stretch.NAME), None)
        if divided is not None:
            return gguf_stretch.settings_of(divided.data, 1e4 if base is None else base, str(self.path))
        if self.get("rope.scaling.type") in (None, "none"):
            return None
        return {name: self.get(key) for name, key in STRETCH.items()}


class Weights(Mapping[str, Tensor]):
    """Weights of a .gguf by their names in Hugging Face's folders, as float32, each made when it is asked for.

    Args:
        file: the file.
        plan: which network it is of.
    """

    def __init__(self, file: File, plan: Plan) -> None:
        from gguf import MODEL_ARCH, MODEL_ARCH_NAMES, get_tensor_name_map

        arch = next(arch for arch in MODEL_ARCH if MODEL_ARCH_NAMES[arch] == file.architecture)
        names = get_tensor_name_map(arch, plan.layers)
        self.file, self.plan = file, plan
        self.tensors = {tensor.name: tensor for tensor in file.reader.tensors}
        self.known: dict[str, str] = {}
        for join in NAMES[plan.kind].joins(plan.layers):
            for theirs in join.theirs:
                for suffix in (".weight", ".bias"):
                    name = names.get_name(theirs, ()) or ""
                    if name + suffix in self.tensors:
                        self.known[theirs + suffix] = name + suffix
        unread = self.tensors.keys() - self.known.values() - {gguf_stretch.NAME}
        if unread:
            raise ZaohuaError(
                f"{file.path}: {min(unread)} isn't a weight of {plan.kind}: this is another kind of model"
            )

    def __getitem__(self, name: str) -> Tensor:
        """Read a tensor."""
        from gguf import dequantize

        tensor = self.tensors[self.known[name]]
        try:
            value = torch.from_numpy(dequantize(tensor.data, tensor.tensor_type).astype("float32", copy=True))
        except (NotImplementedError, ValueError, KeyError) as error:
            raise ZaohuaError(f"{self.file.path}: {tensor.name} can't be read: {str(error)[:100]}") from None
        change = change_of(name, self.plan)
        return value if change is None else change.ours(value, self.plan)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self.known)

    def __len__(self) -> int:
        """Return the number of tensors."""
        return len(self.known)

"""What is worth knowing about a published model before it is used, from its settings alone."""

from __future__ import annotations

from pathlib import Path

from zaohua.core.json import Json
from zaohua.interop import huggingface, licences, weights
from zaohua.interop.published import CONTEXT, Published, read, special_tokens
from zaohua.modalities.texts.published import PublishedTextCodec

BYTES = 4
"""Of a weight in memory: float32."""
TRAINED = 4
"""Copies of the weights when all are trained: themselves, gradients, and two of the optimiser."""


def facts(path: str) -> Json:
    """Collect what is worth knowing about a published model: name -> value.

    Args:
        path: a folder, a .gguf, or `org/name[@revision]`.

    Raises:
        ZaohuaError: it is damaged, or of a kind that can't be read.
    """
    found = read(path, with_weights=False)
    what = found.plan
    count = parameters(found)
    codec = PublishedTextCodec.of(found.tokenizer, what.vocabulary, template=found.template, **special_tokens(found))
    limit = licences.limit(found.licence)
    adapters = found.adapters
    return {
        "model": f"GPT: published weights ({what.kind})",
        "path": found.name,
        "revision": found.revision or "",
        "adapters": f"LoRA of rank {adapters.rank} for {adapters.base}" if adapters else "",
        "parameters": f"{count:,}",
        "network": f"{what.layers} layers, width {what.width}, {what.heads} heads ({what.kv_heads} of keys and values)",
        "vocabulary": f"{what.vocabulary:,} tokens",
        "context": f"{what.context:,} tokens" + (f", of which {CONTEXT:,} at first" if what.context > CONTEXT else ""),
        "licence": f"{found.licence or 'not known'}" + (f", which {limit}" if limit else ""),
        "begins with": codec.name(codec.begin_),
        "ends with": ", ".join(codec.name(token) for token in codec.ends_),
        "chat template": found.template is not None,
        "files": _size(_on_disk(path)),
        "memory": f"{_size(count * BYTES)} to use, about {_size(TRAINED * count * BYTES)} to train all weights, "
        f"a little more than to use with lora; activations come on top",
    }


def parameters(found: Published) -> int:
    """Return the number of weights of a model, one that is used twice counted once."""
    net = weights.empty(found.plan, found.plan.context)
    return sum(p.numel() for p in net.parameters())


def _on_disk(path: str) -> int:
    """Return the bytes of a model's weights on this machine; 0 if they aren't here."""
    at = Path(path)
    if at.is_file():
        return at.stat().st_size
    return sum(file.stat().st_size for file in at.glob(f"*{Path(huggingface.WEIGHTS).suffix}")) if at.is_dir() else 0


def _size(count: int) -> str:
    """Write a number of bytes."""
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB" if count else ""

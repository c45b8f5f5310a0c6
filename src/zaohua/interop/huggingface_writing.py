"""Export to a folder of Hugging Face: what transformers loads without code of ours, and `zaohua.load` reads back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from zaohua.interop import huggingface
from zaohua.interop.cards import card
from zaohua.interop.published import Published
from zaohua.interop.publishing import published_of
from zaohua.interop.publishing import refusal as refusal
from zaohua.storage.atomic import to_bytes
from zaohua.storage.tensors import write_tensors

USE = """\
```python
from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained("FOLDER")
tokenizer = AutoTokenizer.from_pretrained("FOLDER")
print(tokenizer.decode(model.generate(**tokenizer("Once", return_tensors="pt"))[0]))
```
"""


def write(model: Any, folder: Path, numbers: str) -> str:
    """Write a model into an empty folder; return what was written in words."""
    found = published_of(model)
    write_published(found, folder)
    (folder / huggingface.README).write_text(card(model, found, USE, "transformers"), "utf-8", newline="\n")
    count = sum(value.numel() for value in found.weights.values())
    return f"a model of the type {found.plan.kind}, {count:,} weights in float32"


def write_published(found: Published, folder: Path) -> None:
    """Write weights, settings, tokenizer and chat template."""
    write_tensors(folder / huggingface.WEIGHTS, found.weights, {"format": "pt"})
    files = {
        huggingface.CONFIG: found.config,
        huggingface.TOKENIZER: json.loads(found.tokenizer),
        huggingface.TOKENIZER_CONFIG: found.special,
        huggingface.GENERATION: found.generation,
    }
    for name, value in files.items():
        (folder / name).write_bytes(to_bytes(value))
    if found.template is not None:
        (folder / huggingface.TEMPLATE).write_text(found.template, "utf-8", newline="\n")

"""Card of an exported model: what it is, what it was made of, and at what cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zaohua import __version__
from zaohua.interop.published import Published


def card(model: Any, found: Published, use: str, library: str) -> str:
    """Return the README.md of an exported language model.

    Args:
        model: the model.
        found: the same as a published one.
        use: how it is used, in Markdown.
        library: the program that runs it, by its name on the hub.
    """
    base = (model.base_ or {}).get("run") or ""
    is_repository = bool((model.base_ or {}).get("revision"))
    front = {
        "license": found.licence,
        "base_model": base.partition("@")[0] if is_repository else None,
        "library_name": library,
        "pipeline_tag": "text-generation",
    }
    lines = "\n".join(f"{name}: {value}" for name, value in front.items() if value)
    began = "random weights" if not base else base if is_repository else Path(base).name
    revision = f", revision {found.revision}" if found.revision else ""
    data = Path(str((model.source_ or {}).get("X", "texts in memory"))).name
    seconds, promised = model.seconds_, model.guarantee
    spent = f", {seconds:,.0f} s of training" if seconds else ""
    count = sum(value.numel() for value in found.weights.values())
    return f"""---
{lines}
---

# {type(model).__name__}, made with zaohua {__version__}

{count:,} weights of the type {found.plan.kind}; it reads {model.context:,} tokens.

- Licence: {found.licence or "none was chosen: say what others may do with it before you pass it on"}
- Base: {began}{revision}
- Data: {data}, {model.codec_.describe(model.n_items_)}
- Cost: {model.n_steps_:,} steps{spent}
- Privacy: {"; ".join(promised.lines()) if promised else "no guarantee; the weights may reveal training texts"}

{use}"""

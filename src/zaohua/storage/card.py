"""The model card, a description of a run for people who open its folder."""

from __future__ import annotations

from zaohua.core import registry
from zaohua.core.json import Json

SCORE = {
    "exact": "exact log-likelihood",
    "lower_bound": "lower bound of the log-likelihood",
    "estimate": "estimate of the log-likelihood",
}


def card(model: Json, name: str) -> str:
    """Return the text of a run's `README.md`.

    Args:
        model: content of the run's `model.json`.
        name: name of the run's folder.
    """
    state, summary = model["state"], model.get("summary")  # older runs have no summary
    source = (model["source"] or {}).get("X", "arrays in memory")
    base = model.get("base")
    base_text = f"{base['run'] or 'a model in memory'}, after {base['steps'] or 0:,} steps" if base else ""
    origin = f"\n- Fine-tuned from: {base_text}" if base else ""
    steps = f"{state['steps']:,} steps" if "steps" in state else "fitted at once"
    training = f"{steps}, {state['seconds']:,.0f} s" if state.get("seconds") is not None else steps
    entry = registry.stored_entry(model["model"])  # None for a class outside the package
    description, paper = (entry.summary, entry.paper) if entry else ("", "")
    conditions = (summary["y"] if summary else model["y_codec"] and "yes") or "none"
    settings = "\n".join(f"| {key} | {value} |" for key, value in sorted(model["parameters"].items()))
    return f"""# {name}

A **{registry.short_name(model["model"])}** made with zaohua {model["version"]}. {description}

{paper}

- Data: {source}{f"; {summary['x']}" if summary else ""}
- Conditions: {conditions}
- Training: {training}; seed {model["seed"]}{origin}
- Quality: not measured yet (`zaohua evaluate {name}`)
- Privacy: no guarantee; the weights may reveal training items

```python
import zaohua as zh

model = zh.load("path/to/{name}")
items = model.sample(16)
```

| setting | value |
|---|---|
{settings}
"""

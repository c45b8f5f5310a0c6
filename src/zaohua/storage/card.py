"""The model card, a description of a run for people who open its folder."""

from __future__ import annotations

import json
from pathlib import Path

from zaohua.core import registry
from zaohua.core.advice import quoted
from zaohua.core.json import Json
from zaohua.privacy.guarantee import Guarantee

SCORE = {
    "exact": "exact log-likelihood",
    "lower_bound": "lower bound of the log-likelihood",
    "estimate": "estimate of the log-likelihood",
}


def card(model: Json, folder: str | Path) -> str:
    """Return the text of a run's `README.md`.

    Args:
        model: content of the run's `model.json`.
        folder: the run's folder, as commands name it.
    """
    name = Path(folder).name or str(folder)
    state, summary = model["state"], model.get("summary")  # older runs have no summary
    source = (model["source"] or {}).get("X", "arrays in memory")
    base = model.get("base")
    origin = f"\n- Fine-tuned from: {_base(base)}" if base else ""
    steps = f"{state['steps']:,} steps" if "steps" in state else "fitted at once"
    training = f"{steps}, {state['seconds']:,.0f} s" if state.get("seconds") is not None else steps
    entry = registry.stored_entry(model["model"])  # None for a class outside the package
    description, paper = (entry.summary, entry.paper) if entry else ("", "")
    conditions = (summary["y"] if summary else model["y_codec"] and "yes") or "none"
    about = summary or {}
    options: Json = {**(about.get("options") or model["codec"].get("options", {}))}
    if (choice := model.get("y_codec_option")) is not None:
        options["y_codec"] = choice["options"].get("parts") or choice["codec"] if isinstance(choice, dict) else choice
    data = "\n".join(f"| {key} | {_cell(value)} |" for key, value in sorted(options.items()))
    used = {key: value for key, value in model["parameters"].items() if key not in about.get("unused", ())}
    settings = "\n".join(f"| {key} | {_cell(value)} |" for key, value in sorted(used.items()))
    return f"""# {name}

A **{registry.short_name(model["model"])}** made with zaohua {model["version"]}. {description}

{paper}

- Data: {source}{f"; {summary['x']}" if summary else ""}
- Conditions: {conditions}
- Training: {training}; seed {model["seed"]}{origin}
- Quality: not measured yet (`zaohua evaluate {quoted(folder)}`)
{_privacy(model["state"].get("privacy"))}

```python
import zaohua as zh

model = zh.load({json.dumps(str(folder), ensure_ascii=False)})
items = model.sample(16)
```

| data option | value |
|---|---|
{data}

| setting | value |
|---|---|
{settings}
"""


def _privacy(promised: Json | None) -> str:
    """Tell what the run promises of the privacy of its training data."""
    if promised is None:
        return "- Privacy: no guarantee; the weights may reveal training items"
    first, *others = Guarantee.from_json(promised).lines()
    return "\n".join([f"- Privacy: {first}", *(f"  - {line}" for line in others)])


def _base(base: Json) -> str:
    """Describe the model that a run began from: of a published one, also its licence and its revision."""
    text = f"{base['run'] or 'a model in memory'}, after {base['steps'] or 0:,} steps"
    published, revision = base.get("published"), base.get("revision")
    if published is None:
        return text
    licence = published.get("licence") or "not known"
    at = f", revision {revision}" if revision else ""
    return f"{text}; published weights ({published['config']['model_type']}){at}; licence: {licence}"


def _cell(value: object) -> str:
    """Write a value in a cell of a table."""
    return str(value).replace("|", "\\|").replace("\n", " ")

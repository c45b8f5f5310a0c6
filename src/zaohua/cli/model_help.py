"""Help of `zaohua train MODEL`, from a generated file, so that it is there at once: options of models need torch.

`python -m zaohua.renew` writes the file. Kinds of data outside the package bring options of their own, so where there
are any, the help is made from the classes.
"""

from __future__ import annotations

import json
from pathlib import Path

from zaohua.cli.described import TITLES
from zaohua.cli.parser import Shown, help_text, sections
from zaohua.cli.train_flags import MOST_USED, TrainFlags
from zaohua.core import registry
from zaohua.modalities.registry import has_others

HELP = Path(__file__).parents[1] / "models" / "_help.json"


def text() -> str:
    """Return the text of the file: each option once, and for each model the numbers of its options by group."""
    options: dict[Shown, int] = {}
    models = {}
    for entry in registry.entries():
        flags = TrainFlags(registry.model_class(entry.name), None)
        groups = sections(flags.all, MOST_USED, {**TITLES, **flags.titles})
        models[entry.command] = [
            [title, note, [options.setdefault(Shown.of(flag), len(options)) for flag in members]]
            for title, note, members in groups
        ]
    return "\n".join(
        [
            '{"options": [',
            ",\n".join(f" {json.dumps(shown, ensure_ascii=False)}" for shown in options),
            f'], "models": {json.dumps(models, ensure_ascii=False)}}}',
            "",
        ]
    )


def of_model(entry: registry.Entry) -> str | None:
    """Return the help of training a model; None if it must be made from the classes."""
    if has_others():
        return None
    stored = json.loads(HELP.read_text("utf-8"))
    options = [Shown(tuple(spellings), value, about) for spellings, value, about in stored["options"]]
    groups = [(title, note, [options[i] for i in numbers]) for title, note, numbers in stored["models"][entry.command]]
    return help_text(f"zaohua train {entry.command} DATA", entry.summary, groups)

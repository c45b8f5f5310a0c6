"""Named benchmarks: every model of a kind of data, with the same data sets, training time and protocol.

What was trained or measured before is used as it is, so a suite that was stopped continues where it was. A model that
can't learn a data set is left out and named, with the reason.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import zaohua
from zaohua.core import registry
from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError, unknown
from zaohua.core.json import Json
from zaohua.core.params import fields_of
from zaohua.evaluation import summaries
from zaohua.evaluation.comparison import Comparison
from zaohua.evaluation.measures import sorted_names
from zaohua.evaluation.results import FLOOR, Evaluation, Figures
from zaohua.evaluation.seeds import comparison_over_seeds
from zaohua.evaluation.suite import Suite
from zaohua.modalities.registry import known
from zaohua.report.numbers import digits
from zaohua.storage import outputs
from zaohua.storage.atomic import encoded, read_file
from zaohua.storage.layout import MODEL
from zaohua.tasks.evaluation import page
from zaohua.tasks.evaluation.compare import compare
from zaohua.tasks.evaluation.evaluate import ProgressFn
from zaohua.tasks.evaluation.protocols import protocol_for
from zaohua.training.events import Callback

PAGES = ("html", "svg")
"""Suffixes of the page of a data set, and of its chart."""
Watch = Callable[[str], AbstractContextManager[Callback]]
"""Function that creates a callback of training as a context manager, given the name of the training."""


def suites() -> dict[str, Suite]:
    """Return the suites of all kinds of data, by name."""
    return {name: suite for kind in known() for name, suite in (kind.load(kind.suites) or {}).items()}


def benchmark(
    name: str,
    out: Path,
    minutes: float,
    watch: Watch,
    *,
    samples: int = 10_000,
    models: Sequence[str] | None = None,
    data: Sequence[str] | None = None,
    random_state: int = 0,
    seeds: int = 1,
    log: ProgressFn | None = None,
) -> Path:
    """Train, measure and compare all models of a suite.

    Args:
        name: of the suite.
        out: folder of its runs and pages; what is there already isn't done again.
        minutes: of training for each model.
        watch: makes the callback that shows progress.
        samples: to measure by.
        models: only these; all of the suite's when not given.
        data: only these data sets.
        random_state: of training and sampling, the first.
        seeds: trainings of each model; with several all figures are means, with intervals over them.
        log: is called with lines that say what is being done.

    Returns:
        The summary, `NAME.md`, beside a page for each data set.

    Raises:
        ZaohuaError: no such suite, model or data set, no seeds, fewer than two models learnt a data set, or a page
            would replace a file that isn't as it was written here.
    """
    if seeds < 1:
        raise ZaohuaError(f"{option('seeds')} must be at least 1, not {seeds}")
    every = suites()
    if name not in every:
        raise unknown("suite", name, every)
    suite, log = every[name], log or (lambda line: None)
    entries = [entry for entry in registry.entries() if suite.takes(entry) and "draw" in entry.primitives]
    if models is not None:
        chosen = {registry.find(model).name for model in models}
        entries = [entry for entry in entries if entry.name in chosen]
    for wanted in data or ():
        if wanted not in suite.data:
            raise unknown(f"data set of {name}:", wanted, suite.data)
    seeds_of = range(random_state, random_state + seeds)
    path = out / f"{name}.md"
    for written in (path, *(out / f"{name}-{dataset}.{kind}" for dataset in data or suite.data for kind in PAGES)):
        outputs.check_own(written)
    _check_out(out, every)
    parts = []
    for dataset in data or suite.data:
        left_out: dict[str, str] = {}
        each = [
            _trained(
                suite, entries, dataset, _folder(out, dataset, seed, random_state), minutes, seed, watch, log, left_out
            )
            for seed in seeds_of
        ]
        if min(map(len, each)) < 2:
            reason = next(iter(left_out.values()), "the suite has no other")
            raise ZaohuaError(
                f"{dataset}: fewer than two models of {name} were trained, so there is nothing to compare: {reason}"
            )
        found = _measured(each, seeds_of, samples, log)
        outputs.write_own(out / f"{name}-{dataset}.html", encoded(page.text(found, _command(name, minutes, seeds))))
        if (chart := page.chart_text(found)) is not None:
            outputs.write_own(out / f"{name}-{dataset}.svg", encoded(chart))
        parts.append(_summary(name, dataset, found, left_out))
    outputs.write_own(path, "\n".join([*_head(name, suite, minutes, seeds_of, found), *parts]).encode())
    return path


def _check_out(out: Path, every: Mapping[str, Suite]) -> None:
    """Refuse a folder of other files: one is new, empty, or holds pages or runs of a suite."""
    ours = [*every, *(dataset for suite in every.values() for dataset in suite.data)]
    if not any(path.name.startswith(tuple(ours)) for path in (out.iterdir() if out.is_dir() else ())):
        outputs.check(out, folder=True)


def _folder(out: Path, dataset: str, seed: int, first: int) -> Path:
    """Return the folder of the runs of a seed: the data set's folder for the first seed, else a folder beside it."""
    return out / dataset if seed == first else out / f"{dataset}-seed-{seed}"


def _command(name: str, minutes: float, seeds: int) -> str:
    return f"zaohua benchmark {name} --minutes {minutes:g}" + (f" --seeds {seeds}" if seeds > 1 else "")


def _trained(
    suite: Suite,
    entries: Sequence[registry.Entry],
    dataset: str,
    folder: Path,
    minutes: float,
    seed: int,
    watch: Watch,
    log: ProgressFn,
    left_out: dict[str, str],
) -> list[Path]:
    """Return the runs of the models that learnt a data set; the others are noted in `left_out`, with the reason."""
    runs = []
    for entry in entries:
        if entry.command in left_out:  # with another seed
            continue
        try:
            y = True if suite.labels and entry.conditional else None
            _train(
                entry, dataset, y, folder / entry.command, minutes, {"random_state": seed, **suite.settings}, watch, log
            )
            runs.append(folder / entry.command)
        except ZaohuaError as error:
            left_out[entry.command] = str(error)
            log(f"left out: {entry.command} on {dataset}: {error}")
    return runs


def _measured(each: Sequence[Sequence[Path]], seeds: Sequence[int], samples: int, log: ProgressFn) -> Comparison:
    """Measure all runs by one protocol and combine those of several seeds; models that failed once are left out."""
    names = set.intersection(*({run.name for run in runs} for runs in each))
    protocol, found = None, []
    for runs, seed in zip(each, seeds, strict=True):
        kept = [run for run in runs if run.name in names]
        if protocol is None and kept:
            log("reading the real items, and measuring the baselines")
            protocol = protocol_for(zaohua.load(kept[0]), samples)
        found.append(compare(kept, samples=samples, random_state=seed, protocol=protocol, log=log))
    return comparison_over_seeds(found)


def _train(
    entry: registry.Entry,
    dataset: str,
    y: bool | None,
    folder: Path,
    minutes: float,
    settings: Json,
    watch: Watch,
    log: ProgressFn,
) -> None:
    """Train a model for some minutes, unless that has been done; resume an unfinished training."""
    cls = registry.model_class(entry.name)
    model = cls(**{field: value for field, value in settings.items() if field in fields_of(cls)})
    if not hasattr(model, "resume"):
        if not (folder / MODEL).exists():
            log(f"fitting {folder}")
            model.fit(dataset, y, out=folder)
        return
    model.set_params(max_minutes=minutes)
    begun = (folder / MODEL).exists()
    if begun and json.loads(read_file(folder / MODEL))["state"]["seconds"] >= 60 * minutes:
        return
    with watch(f"{entry.command} on {dataset}") as callback:
        if begun:
            model.resume(folder, callbacks=[callback])
        else:
            model.fit(dataset, y, out=folder, callbacks=[callback])


def _head(name: str, suite: Suite, minutes: float, seeds: Sequence[int], found: Comparison) -> list[str]:
    """Return the head of the summary: settings, hardware and versions."""
    about = found.rows[0].about
    settings = " and ".join(f"{name} = {value:g}" for name, value in suite.settings.items())
    settings = f"default settings but for {settings}" if settings else "default settings"
    labels = "labels given to those that take any" if suite.labels else "no labels"
    of_seeds = (
        f"seed {seeds[0]}"
        if len(seeds) == 1
        else (f"means of seeds {seeds[0]} to {seeds[-1]} with Student's 95 % intervals over them")
    )
    return [
        f"# {name}",
        "",
        f"{suite.about[0].upper()}{suite.about[1:]}: {minutes:g} minutes of training each (those "
        f"fitted at once take what they take), {settings}, {of_seeds}, {labels}. "
        f"{about['date']}, {about['processor']}, {about['cores']} cores"
        + (f", {about['gpu']}" if about["gpu"] else "")
        + f"; zaohua {about['zaohua']}, torch {about['torch']}, Python {about['python']}. "
        "How figures are taken: [evaluation](../evaluation.md).",
        "",
        f"    {_command(name, minutes, len(seeds))}",
        "",
    ]


def _summary(name: str, dataset: str, found: Comparison, left_out: dict[str, str]) -> str:
    """Return a data set's table in Markdown, with the verdict and remarks."""
    rows, first = found.rows, found.rows[0]
    columns = sorted_names({name for row in rows for name in row.figures})
    titles = [summaries.title_of(column, first) for column in columns]
    speed = ["× real time"] if any(row.cost.real_time for row in rows) else []
    header = ["", *titles, "training, s", "ms a sample", "evaluations", *speed]
    table = [header, ["---"] * len(header)]
    for reference, figures in sorted(first.references.items(), key=lambda item: item[0] != FLOOR):
        cells = [f"*{reference}*", *(_cell(column, figures) for column in columns)]
        table.append([*cells, *[""] * (len(header) - len(cells))])
    for row in rows:
        cost = row.cost
        seconds = "" if cost.training_seconds is None else f"{cost.training_seconds:,.0f}"
        table.append(
            [
                row.run,
                *(_told(column, row) for column in columns),
                seconds,
                digits(cost.milliseconds),
                f"{cost.network_evaluations:,}",
                *(digits(cost.real_time or 0) for _ in speed),
            ]
        )
    lines = ["| " + " | ".join(cells) + " |" for cells in table]
    said = [f"- {line}" for line in (*summaries.verdict(found), *found.notes)]
    said += [f"- left out: {model}: {reason}" for model, reason in left_out.items()]
    features = f", in {first.extractor}" if first.extractor else ""
    about = f"{first.n:,} samples against {first.noun} held out{features}."
    whole = f"The command also writes the whole page, with samples and intervals: `{name}-{dataset}.html`."
    picture = f"![Quality against time: {dataset}]({name}-{dataset}.svg)"
    return "\n".join([f"## {dataset}", "", f"{about} {whole}", "", picture, "", *lines, "", *said, ""])


def _told(column: str, row: Evaluation) -> str:
    return summaries.told(column, row).replace("|", "/") if column in row.figures else ""


def _cell(column: str, figures: Figures) -> str:
    return summaries.shown(column, figures[column]).replace("|", "/") if column in figures else ""

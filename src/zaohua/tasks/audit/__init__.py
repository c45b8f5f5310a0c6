"""Audit of a model's privacy: can items that it was trained on be told from others, and how large is epsilon at least?

    >>> found = zh.tasks.audit.audit(zh.load("runs/patients"))
    >>> print(*found.sentences(), sep="\\n")

An audit can show that a model leaks. It can't show that one doesn't: only differential privacy promises that.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from zaohua.core.arguments import whole_number
from zaohua.core.errors import ZaohuaError, shown, unknown
from zaohua.estimator.base import GenerativeModel
from zaohua.metrics.exposure import Exposure
from zaohua.metrics.membership import membership, roc, worst
from zaohua.modalities.reading import read
from zaohua.modalities.reading_options import reading
from zaohua.tasks.audit import canaries as one_run
from zaohua.tasks.audit.attack import Attack
from zaohua.tasks.audit.attributes import Attributes
from zaohua.tasks.audit.blind import told_apart
from zaohua.tasks.audit.copies import Copies
from zaohua.tasks.audit.exposed import exposure_of
from zaohua.tasks.audit.findings import RATES, Audit, Finding
from zaohua.tasks.audit.likelihood import Compressed, Likelihood, LikelihoodRatio
from zaohua.tasks.audit.lira import SHADOWS, LiRA
from zaohua.tasks.audit.nearest import CalibratedNearest, Nearest
from zaohua.tasks.audit.sides import sides_of
from zaohua.tasks.audit.subject import Scores, Subject
from zaohua.tasks.evaluation.evaluate import machine
from zaohua.tasks.evaluation.protocols import kind_of

__all__ = ["Audit", "Exposure", "Finding", "attacks", "audit", "exposure_of"]

SAMPLES, TEXTS = 2000, 100
"""Number of samples by default, and of texts."""


def attacks(shadows: int = SHADOWS) -> list[Attack]:
    """Return all attacks.

    Args:
        shadows: number of shadow models of LiRA.
    """
    return [
        Copies(),
        Nearest(),
        CalibratedNearest(),
        Likelihood(),
        LikelihoodRatio(),
        Compressed(),
        LiRA(shadows),
        Attributes(),
    ]


def audit(
    model: GenerativeModel,
    *,
    data: object = None,
    against: object = None,
    samples: object = None,
    n_samples: int | None = None,
    only: Sequence[str] | None = None,
    shadows: int = SHADOWS,
    canaries: int | None = None,
    canary: Sequence[str] = (),
    random_state: int = 0,
    run: str | Path | None = None,
    log: Callable[[str], None] | None = None,
) -> Audit:
    """Try to tell items that a model was trained on from others, and find a lower bound of its epsilon.

    Which items were trained on, and which were held out, is what the run has recorded. Attacks that need other models
    with the same settings are made if fitting took at most 10 s.

    Args:
        model: fitted model.
        data: its training data; needed only if these aren't known or were moved.
        against: items that it wasn't trained on, of the same source. By default the test split of the training data,
            else the items that training held out.
        samples: items that were released, to be attacked instead of new samples.
        n_samples: number of samples to draw; by default 2,000, of texts and music 100.
        only: names of the attacks to try; by default all that the model allows.
        shadows: number of shadow models of LiRA; 0 leaves it out.
        canaries: number of canaries for the lower bound of epsilon, for which the model is fitted once more. By default
            1,000, or as many as training items, if that is quick; 0 for none.
        canary: texts with a secret in braces, whose exposure is computed, of models of texts.
        random_state: seed of everything that is drawn.
        run: run folder, for the name.
        log: function that is called with progress messages.

    Raises:
        ZaohuaError: the training data or other items aren't known, or nothing can be tried.
    """
    if not isinstance(model, GenerativeModel) or not hasattr(model, "codec_"):
        raise ZaohuaError(f"audit takes a fitted model, such as load({'runs/name'!r}) returns, not {shown(model)}")
    log, began = log or (lambda line: None), time.perf_counter()
    if n_samples is None:
        n_samples = SAMPLES if model.spec_.shape is not None else TEXTS
    n_samples = whole_number("n_samples", n_samples, 10)
    chosen = attacks(whole_number("shadows", shadows, 0))
    for name in only or ():
        if name not in [attack.name for attack in chosen]:
            raise unknown("attack", name, [attack.name for attack in chosen])
    exposures = {text: exposure_of(model, text, random_state) for text in canary}
    log("reading the items")
    sides = sides_of(model, data, against)
    subject = Subject(model, sides, n_samples, random_state, _released(model, samples), log)
    log("telling both kinds of items apart without the model")
    judged = told_apart(subject)
    findings, scores = list[Finding](), dict[str, Scores]()
    for attack in [one for one in chosen if only is None or one.name in only]:
        why = attack.unable(subject) or judged.why
        if not why:
            log(f"trying {attack.name}")
            scores[attack.name] = attack.scores(subject)
        found = None if why else membership(*scores[attack.name])
        curve = () if why else tuple(roc(*scores[attack.name], RATES).tolist())
        findings.append(Finding(attack.name, attack.access, attack.about, found, curve, why))
    guarantee = model.guarantee
    why_not = "only some attacks were asked for" if only is not None and canaries is None else ""
    why_not = why_not or one_run.unable(subject, canaries)
    bound = None if why_not else one_run.bound(subject, canaries, guarantee)
    if not bound and not exposures and all(finding.membership is None for finding in findings):
        raise ZaohuaError(f"nothing could be tried: {'; '.join(dict.fromkeys(one.why for one in findings))}")
    run = run if run is not None else getattr(model, "run_", None)
    return Audit(
        run=Path(run).resolve().name if run else type(model).__name__,
        model=type(model).__name__,
        noun=sides.noun,
        data=sides.data,
        against=sides.against,
        sizes=(len(sides.members), len(sides.others), n_samples if samples is None else len(subject.samples)),
        findings=tuple(sorted(findings, key=_by_danger)),
        worst=_worst(findings, scores, len(scores)),
        worst_of_samples=_worst([one for one in findings if one.access == "samples"], scores, len(scores)),
        blind=judged.area,
        bound=bound,
        no_bound=why_not,
        guarantee=guarantee,
        attributes=next((tuple(one.columns) for one in chosen if isinstance(one, Attributes)), ()),
        exposures=exposures,
        remarks=(*judged.remarks, *sides.remarks),
        about=machine(began),
    )


def _released(model: GenerativeModel, samples: object) -> Any:
    """Read items that were released, as the model makes them; None if none are given."""
    if samples is None:
        return None
    with reading(**model.codec_.reading()):
        items, _ = read(samples, prefer=kind_of(model))
    return items


def _worst(findings: Sequence[Finding], scores: dict[str, Scores], tests: int) -> Finding | None:
    """Return the most dangerous of some attacks, with intervals and a p value that hold for all tests at once."""
    tried = [one for one in findings if one.name in scores]
    if not tried:
        return None
    corrected = [membership(*scores[one.name], tests=tests) for one in tried]
    at = worst(corrected)
    return replace(tried[at], membership=corrected[at])


def _by_danger(finding: Finding) -> float:
    """Return what findings are sorted by: the most dangerous first, those that weren't tried last."""
    return 0.0 if finding.membership is None else -finding.membership.auc.low

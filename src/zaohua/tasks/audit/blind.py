"""Whether both kinds of items differ by themselves: then attacks would tell that, and not what the model leaks.

A classifier that never saw the model tells training items from others (cross-fitted boosted trees). Published
benchmarks of membership inference were won in this way: Das, Zhang and Tramèr, "Blind Baselines Beat Membership
Inference Attacks for Foundation Models", arXiv:2406.16201.
"""

from __future__ import annotations

from dataclasses import dataclass

from zaohua.core.advice import option
from zaohua.core.notes import gathered
from zaohua.metrics import tree_two_sample
from zaohua.metrics.intervals import Interval
from zaohua.tasks.audit.findings import between
from zaohua.tasks.audit.space import features_of
from zaohua.tasks.audit.subject import Subject

APART, DOUBTFUL = 0.6, 0.5
"""Where the lower end of the interval of the classifier's area under the curve is above the first, no attack is tried;
above the second there is a warning."""


@dataclass(frozen=True)
class Judged:
    """Result of `told_apart`.

    Attributes:
        area: area under the curve of the classifier, with its interval.
        why: why attacks aren't tried; empty if they are.
        remarks: what a reader should know.
    """

    area: Interval
    why: str = ""
    remarks: tuple[str, ...] = ()


def told_apart(subject: Subject) -> Judged:
    """Measure how well a classifier tells both kinds of candidates that never saw the model."""
    seed = subject.seed_of("blind")
    with gathered():
        members, others, sizes = features_of(subject.model, (subject.members.raw, subject.others.raw), seed)
    found = tree_two_sample.tree_two_sample(members, others, sizes, seed).auc
    told = (
        f"training items and those of {subject.sides.against} differ by themselves: a classifier that never saw the "
        f"model tells them apart, AUC {between(found)}"
    )
    if found.low > APART:
        return Judged(found, f"{told}; give others of the same source ({option('against')})")
    if found.low > DOUBTFUL:
        return Judged(found, remarks=(f"{told[0].upper()}{told[1:]}. So part of what attacks tell is no leak.",))
    return Judged(found)

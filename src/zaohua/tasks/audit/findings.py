"""What an audit found, and the sentences in which it is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from zaohua.core.json import Json
from zaohua.metrics.exposure import Exposure
from zaohua.metrics.intervals import Interval
from zaohua.metrics.membership import Membership
from zaohua.metrics.one_run import EpsilonBound
from zaohua.privacy.guarantee import Guarantee
from zaohua.tasks.audit.attack import Access
from zaohua.tasks.audit.attributes import Guessed

RATES = tuple(float(f"{10 ** (k / 8 - 3):.4g}") for k in range(25))
"""False positive rates of curves, from 1/1000 to 1."""
CERTAIN = 0.05
"""Corrected p value below which an attack has told items."""


@dataclass(frozen=True)
class Finding:
    """Result of an attack.

    Attributes:
        name: name of the attack.
        access: what an attacker needs for it, "samples" alone or the "model".
        about: what it does, in a sentence.
        membership: how well it told items, with its own 95 % intervals; None if it wasn't tried.
        curve: true positive rates at the false positive rates `RATES`; empty if it wasn't tried.
        why: why it wasn't tried.
    """

    name: str
    access: Access
    about: str
    membership: Membership | None = None
    curve: tuple[float, ...] = ()
    why: str = ""


@dataclass(frozen=True)
class Audit:
    """Result of an audit.

    Attributes:
        run: name of the run, or of the model.
        model: class of the model.
        noun: noun for the items, in the plural.
        data: name of the training data.
        against: name of the other items.
        sizes: numbers of training items, of others, and of samples.
        findings: results of all attacks, the worst first.
        worst: the most dangerous of them with intervals and a p value that hold for all attacks at once; None if none
            was tried.
        worst_of_samples: the same of the attacks that need samples alone.
        blind: how well a classifier tells both kinds of items that never saw the model; None if it wasn't asked.
        bound: lower bound of epsilon by canaries; None without.
        no_bound: why there is none.
        guarantee: what the model promises, or None.
        attributes: how often each column of a table is guessed.
        exposures: exposure of each canary in texts.
        remarks: what a reader should know besides.
        about: versions, hardware and date.
    """

    run: str
    model: str
    noun: str
    data: str
    against: str
    sizes: tuple[int, int, int]
    findings: tuple[Finding, ...]
    worst: Finding | None
    worst_of_samples: Finding | None
    blind: Interval | None
    bound: EpsilonBound | None = None
    no_bound: str = ""
    guarantee: Guarantee | None = None
    attributes: tuple[Guessed, ...] = ()
    exposures: Mapping[str, Exposure] = field(default_factory=dict)
    remarks: Sequence[str] = ()
    about: Json = field(default_factory=dict)

    @property
    def tried(self) -> list[Finding]:
        """Attacks that were tried."""
        return [finding for finding in self.findings if finding.membership is not None]

    @property
    def leaks(self) -> bool:
        """True if an attack told items of the training data from others, corrected for the number of attacks.

        Where both kinds of items differ by themselves, it must have told more than a classifier without the model does.
        """
        return self._told(self.worst) and self._beyond_blind(self.worst)

    @staticmethod
    def _told(finding: Finding | None) -> bool:
        return finding is not None and finding.membership is not None and finding.membership.p < CERTAIN

    def _beyond_blind(self, finding: Finding | None) -> bool:
        if finding is None or finding.membership is None or self.blind is None or self.blind.low <= 0.5:
            return True
        return finding.membership.auc.low > self.blind.high

    @property
    def alarm(self) -> bool:
        """True if the lower bound of epsilon is above what the model promises."""
        return self.bound is not None and self.guarantee is not None and self.bound.epsilon > self.guarantee.epsilon

    def sentences(self) -> list[str]:
        """Return what was found in plain sentences, the most important first."""
        found = (self._alarm(), self._members(), self._samples(), self._epsilon(), *self._secrets())
        return [line for line in found if line]

    def _alarm(self) -> str:
        if not self.alarm or self.bound is None or self.guarantee is None:
            return ""
        return (
            f"ALARM: the model promises epsilon {self.guarantee.epsilon:.4g}, and canaries show that epsilon is "
            f"{self.bound.epsilon:.2f} at least."
        )

    def _members(self) -> str:
        if self.worst is None or self.worst.membership is None:
            return ""
        found, count = self.worst.membership, len(self.tried)
        area = f"AUC {between(found.auc)}"
        if self.leaks:
            rate = "" if found.rate is None else f", and {found.rate.value:.1%} of them at 1 % false alarms"
            corrected = f"; intervals hold for all {count} attacks at once" if count > 1 else ""
            return (
                f"{self.noun.capitalize()} of the training data can be told from others: {area}{rate}, by "
                f"{self.worst.name}{corrected}."
            )
        if self._told(self.worst) and self.blind is not None:
            return (
                f"{self.noun.capitalize()} of the training data and others differ by themselves: the worst attack, "
                f"{self.worst.name}, tells them apart with {area}, and a classifier that never saw the model with AUC "
                f"{between(self.blind)}. So no leak is shown, which is no proof of privacy."
            )
        attacks = f"None of {count} attacks" if count > 1 else "The attack that was tried couldn't tell"
        verb = " could tell" if count > 1 else ""
        best = f"the best, {self.worst.name}, has" if count > 1 else f"{self.worst.name} has"
        return (
            f"{attacks}{verb} {self.noun} of the training data from others ({best} {area}), which is no proof of "
            "privacy."
        )

    def _samples(self) -> str:
        """Say what samples alone give away, if the worst attack needs more."""
        if self.worst is None or self.worst.access == "samples" or self.worst_of_samples is None:
            return ""
        finding = self.worst_of_samples
        assert finding.membership is not None  # as it was tried
        area = f"AUC {between(finding.membership.auc)} by {finding.name}"
        if self._told(finding) and self._beyond_blind(finding):
            return f"Whoever has samples alone can tell them, too: {area}."
        return f"Whoever has samples alone couldn't tell them here: {area}."

    def _epsilon(self) -> str:
        if self.bound is None or self.alarm:
            return ""
        found = self.bound
        how = f"{found.right:,} of {found.guesses:,} guesses about {found.canaries:,} canaries were right"
        if self.guarantee is None:
            return f"Epsilon is {found.epsilon:.2f} at least ({how}); the model promises none."
        return (
            f"Canaries show an epsilon of {found.epsilon:.2f} at least, which is within the promised "
            f"{self.guarantee.epsilon:.4g} ({how})."
        )

    def _secrets(self) -> list[str]:
        return [
            f"{text!r} has an exposure of {found.bits:.1f} of at most {found.most:.1f} bits (by {found.method}): "
            + _exposed(found)
            for text, found in self.exposures.items()
        ]

    def to_json(self) -> Json:
        """Return everything as JSON values."""
        plain = {name: value for name, value in vars(self).items() if name not in ("guarantee", "exposures")}
        found: Json = {
            name: asdict(value)
            if hasattr(value, "__dataclass_fields__")
            else [asdict(one) if hasattr(one, "__dataclass_fields__") else one for one in value]
            if isinstance(value, tuple)
            else value
            for name, value in plain.items()
        }
        return {
            **found,
            "guarantee": None if self.guarantee is None else self.guarantee.to_json(),
            "exposures": {text: asdict(one) for text, one in self.exposures.items()},
            "remarks": list(self.remarks),
            "leaks": self.leaks,
            "alarm": self.alarm,
            "sentences": self.sentences(),
        }


def between(interval: Interval) -> str:
    """Write an area with its interval: ".87 (.84 to .90)"."""
    return f"{_short(interval.value)} ({_short(interval.low)} to {_short(interval.high)})"


def _short(value: float) -> str:
    return f"{value:.2f}".removeprefix("0") if value < 0.995 else f"{value:.2f}"


def _exposed(found: Exposure) -> str:
    """Say what an exposure means."""
    if found.bits >= found.most - 1:
        return "the model gives it away."
    return "the model knows it better than most." if found.bits > 5 else "it doesn't stand out."

"""Page of an audit as one self-contained HTML file, and what the terminal shows of it."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from zaohua import __version__
from zaohua.metrics.membership import FALSE_POSITIVES, Membership
from zaohua.report import html, svg
from zaohua.report.scale import Scale
from zaohua.tasks.audit.findings import CERTAIN, RATES, Audit, between

TEMPLATE = Path(__file__).with_name("page.html.jinja")
LOW, SIDE, LEFT, BOTTOM = 0.4, 330, 46, 34
"""Least area under the curve of charts, and the size and margins of the chart of curves, in pixels."""


def text(found: Audit) -> str:
    """Make the text of the page."""
    return html.render(
        TEMPLATE,
        audit=found,
        scale=Scale(LOW, 1.0, 0, 100),
        between=between,
        certain=CERTAIN,
        curves=_curves(found),
        facts=_facts(found),
        version=__version__,
    )


def lines(found: Audit) -> list[str]:
    """Return what the terminal shows: the sentences, and a line for each attack."""
    width = max(map(len, [finding.name for finding in found.findings]), default=0)
    rows = []
    for finding in found.findings:
        if finding.membership is not None:
            rows.append(f"{finding.name:<{width}}  {_told(finding.membership)}")
    skipped = [f"not tried: {finding.name} ({finding.why})" for finding in found.findings if finding.why]
    if found.no_bound:
        skipped.append(f"not tried: lower bound of epsilon ({found.no_bound})")
    return [*found.sentences(), "", *rows, *skipped, *(f"note: {remark}" for remark in found.remarks)]


def _told(found: Membership) -> str:
    """Write a result in a line."""
    rate = "" if found.rate is None else f"  {found.rate.value:6.1%} at {FALSE_POSITIVES:.0%} false alarms"
    return f"AUC {between(found.auc)}{rate}"


def _facts(found: Audit) -> list[tuple[str, str, str]]:
    """List what was audited: a name, a value, and a remark in small print."""
    members, others, samples = found.sizes
    promise = "none" if found.guarantee is None else str(found.guarantee)
    blind = [] if found.blind is None else [("without the model", f"AUC {between(found.blind)}", "should be .50")]
    return [
        ("model", found.model, ""),
        ("trained on", f"{members:,} {found.noun}", found.data),
        ("others", f"{others:,} {found.noun}", found.against),
        ("samples", f"{samples:,}", ""),
        ("promised", promise, ""),
        *blind,
        ("versions", f"zaohua {found.about.get('zaohua', '–')}", f"torch {found.about.get('torch', '–')}"),
        ("date", str(found.about.get("date", "–")), ""),
    ]


def _curves(found: Audit) -> Markup:
    """Draw the curves of the two worst attacks with logarithmic axes; nothing without one."""
    shown = [finding for finding in found.findings if finding.curve][:2]
    if not shown:
        return Markup()
    x, y = Scale(RATES[0], 1, LEFT, SIDE - 10, "log"), Scale(RATES[0], 1, SIDE - BOTTOM, 10, "log")
    parts = []
    for mark in (0.001, 0.01, 0.1, 1.0):
        label = f"{mark:.1%}".replace(".0%", "%")
        parts.append(svg.line(LEFT, y(mark), SIDE - 10, y(mark), "axis"))
        parts.append(svg.line(x(mark), 10, x(mark), SIDE - BOTTOM, "axis"))
        parts.append(svg.text(LEFT - 6, y(mark) + 4, label, text_anchor="end"))
        parts.append(svg.text(x(mark), SIDE - BOTTOM + 15, label, text_anchor="middle"))
    parts.append(svg.path([(x(RATES[0]), y(RATES[0])), (x(1), y(1))], "chance"))
    for place, finding in enumerate(shown):
        points = [(x(rate), y(max(told, RATES[0]))) for rate, told in zip(RATES, finding.curve, strict=True)]
        parts.append(svg.path(points, "ab"[place]))
        parts.append(
            svg.text(SIDE - 16, SIDE - BOTTOM - 12 - 16 * place, finding.name, class_="ab"[place], text_anchor="end")
        )
    parts.append(svg.text((LEFT + SIDE - 10) / 2, SIDE - 3, "false alarms", text_anchor="middle"))
    return svg.picture(SIDE, SIDE, "Items of the training data that are told, by the rate of false alarms", parts)

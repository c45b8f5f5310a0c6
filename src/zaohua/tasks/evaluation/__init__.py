"""Whether a model is any good, and which of several is better.

>>> from zaohua.tasks.evaluation import evaluate, summary_lines
>>> found = evaluate(zh.load("runs/digits"))
>>> print(*summary_lines(found), sep="\\n")
"""

from zaohua.evaluation.comparison import Comparison
from zaohua.evaluation.results import Evaluation, Figure
from zaohua.evaluation.summaries import summary_lines
from zaohua.tasks.evaluation.compare import compare
from zaohua.tasks.evaluation.evaluate import evaluate
from zaohua.tasks.evaluation.history import Evaluator
from zaohua.tasks.evaluation.protocols import protocol_for, splits_of
from zaohua.tasks.evaluation.suites import benchmark

__all__ = [
    "Comparison",
    "Evaluation",
    "Evaluator",
    "Figure",
    "benchmark",
    "compare",
    "evaluate",
    "protocol_for",
    "splits_of",
    "summary_lines",
]

"""Whether a model is any good, and which of several is better."""

from zaohua.evaluation.compare import Comparison, compare
from zaohua.evaluation.evaluate import evaluate
from zaohua.evaluation.history import Evaluator
from zaohua.evaluation.results import Evaluation, Figure
from zaohua.evaluation.summaries import summary_lines

__all__ = ["Comparison", "Evaluation", "Evaluator", "Figure", "compare", "evaluate", "summary_lines"]

"""Whether a model is any good, and which of several is better."""

from zaohua.tasks.evaluation.compare import Comparison, compare
from zaohua.tasks.evaluation.evaluate import evaluate
from zaohua.tasks.evaluation.figures import Evaluation, Figure
from zaohua.tasks.evaluation.history import Evaluator
from zaohua.tasks.evaluation.telling import told_of

__all__ = ["Comparison", "Evaluation", "Evaluator", "Figure", "compare", "evaluate", "told_of"]

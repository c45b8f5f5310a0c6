"""Parts of evaluations: protocols, results and comparisons; `zaohua.tasks.evaluation` evaluates models by them."""

from zaohua.evaluation.comparison import Comparison
from zaohua.evaluation.features import FeatureProtocol
from zaohua.evaluation.measures import Measure
from zaohua.evaluation.protocol import EvaluationProtocol
from zaohua.evaluation.results import Evaluation, Figure
from zaohua.evaluation.splits import EncodedItems, Items, Splits
from zaohua.evaluation.suite import Suite
from zaohua.evaluation.summaries import summary_lines
from zaohua.evaluation.vectors import VectorProtocol

__all__ = [
    "Comparison",
    "EncodedItems",
    "Evaluation",
    "EvaluationProtocol",
    "FeatureProtocol",
    "Figure",
    "Items",
    "Measure",
    "Splits",
    "Suite",
    "VectorProtocol",
    "summary_lines",
]

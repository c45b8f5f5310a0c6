"""scikit-learn's own checks of what calls itself an estimator, on arrays of numbers."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from sklearn.utils.estimator_checks import check_estimator

import zaohua as zh
from zaohua.core import registry
from zaohua.core.params import fields_of

TABLES = [entry.name for entry in registry.entries() if "TableCodec" in entry.codecs]


def checked(estimator: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_estimator(estimator, on_skip=None)


@pytest.mark.parametrize("name", TABLES)
def test_models_of_tables_are_estimators(name: str) -> None:
    cls = getattr(zh, name)
    quick = {"max_steps": 2} if "max_steps" in fields_of(cls) else {}
    checked(cls(random_state=0, **{**cls.tiny, **quick}))


@pytest.mark.parametrize("model", [None, zh.ProductMixture(n_components=2, max_iter=5, random_state=0)])
def test_bayes_rule_is_a_classifier(model: Any) -> None:
    checked(zh.GenerativeClassifier(model))

"""Rows of tables, column by column."""

from __future__ import annotations

from typing import ClassVar

from zaohua.estimator.columns import Tabular
from zaohua.families.autoregressive.rows import RowAutoregression


class TabAR(Tabular, RowAutoregression):
    """Autoregressive model of tables, in any order: exact likelihood, exact conditions on any columns, imputation.

    Paper: Uria, Murray and Larochelle, "A Deep and Tractable Density Estimator", 2014 (arXiv:1310.1757); Hoogeboom et
    al., "Autoregressive Diffusion Models", 2021 (arXiv:2110.02037).
    """

    marginalises: ClassVar[bool] = True

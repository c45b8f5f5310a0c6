"""Independent columns: the baseline that a model of tables has to exceed."""

from __future__ import annotations

from typing import ClassVar

from zaohua.core.json import Json
from zaohua.models.product_mixture import ProductMixture


class Independent(ProductMixture):
    """Product of the columns' marginal distributions.

    Paper: the product of the marginal distributions, which maximises the likelihood among products (Chow and Liu,
    "Approximating Discrete Probability Distributions with Dependence Trees", 1968).
    """

    tiny: ClassVar[Json] = {}

    n_components = 1
    max_iter = 1

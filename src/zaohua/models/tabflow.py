"""Rows of tables by flow and masked diffusion."""

from __future__ import annotations

from zaohua.estimator.columns import Tabular
from zaohua.families.masked_flow import MaskedFlow


class TabFlow(Tabular, MaskedFlow):
    """Flow of a table's numbers together with masked diffusion of its categories.

    Paper: Shi et al., "TabDiff: a Mixed-type Diffusion Model for Tabular Data Generation", 2024 (arXiv:2410.20626).
    """

"""Constraints: random systems hold in samples, under conditions and in imputed rows, and given cells never change."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.modalities.tables.systems import Constrained, holed, random_system, violations

import zaohua as zh


def prove(seed: int) -> None:
    rng = np.random.default_rng(seed)
    system = random_system(rng)
    assert not violations(system, system.frame)
    frame = holed(system.frame, rng)
    codec = zh.TableCodec(constraints=tuple(rng.permutation(list(system.checks))))
    model = zh.Independent(codec=codec, random_state=0).fit(frame)
    assert not violations(system, model.sample(60, random_state=seed))
    check_conditions(model, system, frame, rng)
    check_imputation(model, system, frame, rng)


def check_conditions(model: zh.Independent, system: Constrained, frame: pd.DataFrame, rng: np.random.Generator) -> None:
    for row in rng.choice(len(frame), 3, replace=False):
        present = frame.columns[frame.iloc[row].notna()]
        names = rng.permutation(present)[: rng.integers(1, 4)]
        asked = {str(name): frame[name].iloc[row] for name in names}
        made = model.sample(8, y=asked, random_state=int(row))
        assert not violations(system, made)
        for name, value in asked.items():
            assert (made[name] == value).all(), (name, value, made[name].tolist())


def check_imputation(model: zh.Independent, system: Constrained, frame: pd.DataFrame, rng: np.random.Generator) -> None:
    rows = frame.mask(rng.random(frame.shape) < 0.3)
    rows = rows.set_axis(rng.permutation(len(rows)) + 1000)
    filled = model.impute(rows, random_state=1)
    assert not violations(system, filled)
    assert filled.index.equals(rows.index) and list(filled.columns) == list(rows.columns)
    known = rows.notna()
    same = filled.astype(object).where(known, None) == rows.astype(object).where(known, None)
    assert (same | ~known).all(axis=None)
    numeric = [name for name in rows if str(name).startswith("n")]
    assert filled[numeric].notna().all(axis=None) or any(text.startswith("(") for text in system.checks)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32 - 1))
def test_random_systems_hold(seed: int) -> None:
    prove(seed)

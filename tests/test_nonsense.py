"""Public methods answer nonsense with one line, never with an error of another library."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import zaohua as zh
from zaohua.tasks import distributions

NONSENSE: dict[str, Any] = {
    "None": None,
    "-1": -1,
    "1.5": 1.5,
    "nan": float("nan"),
    "huge": 10**30,
    "complex": 1j,
    "text": "x",
    "empty text": "",
    "path": "/nonexistent/x",
    "bytes": b"x",
    "list": [],
    "mixed list": [1, "a", None],
    "dict": {},
    "other dict": {"zz": [1, 2]},
    "set": set(),
    "nested": [[]],
    "object": object(),
    "function": lambda: 0,
    "True": True,
    "no numbers": np.zeros(0),
    "no columns": np.zeros((2, 0)),
    "NaN array": np.full((2, 8, 8), np.nan),
    "0-d": np.array("x"),
    "objects": np.array([object()]),
    "frame": pd.DataFrame(),
    "tensor": torch.zeros(3),
    "iterator": iter([1]),
    "picture": Image.new("L", (8, 8)),
}
RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=30)
PICTURES = RNG.integers(0, 256, (16, 8, 8), dtype=np.uint8)
TABLE = pd.DataFrame({"a": RNG.normal(size=24), "b": list("xy") * 12})
TEXTS = ["the cat sat on the mat", "a dog"] * 6
LABELS = ["u", "v"] * 12
MAKERS: dict[str, tuple[Callable[[], Any], Any]] = {
    "GMM": (lambda: zh.GMM(n_components=2, random_state=0).fit(PICTURES, LABELS[:16]), PICTURES[:2]),
    "VAE": (lambda: quick(zh.VAE).fit(PICTURES, LABELS[:16]), PICTURES[:2]),
    "Flow": (lambda: quick(zh.Flow).fit(PICTURES), PICTURES[:2]),
    "GPT": (lambda: quick(zh.GPT).fit(TEXTS, LABELS[:12]), ["a dog"]),
    "TVAE": (lambda: quick(zh.TVAE).fit(TABLE), TABLE[:2]),
    "ProductMixture": (lambda: mixture().fit(TABLE, LABELS), TABLE[:2]),
    "Normal": (lambda: zh.Normal().fit(RNG.normal(size=30)), [1.0, 2.0]),
    "TableImputer": (lambda: zh.TableImputer(mixture()).fit(TABLE), TABLE[:2]),
    "GenerativeClassifier": (lambda: zh.GenerativeClassifier(mixture()).fit(TABLE, LABELS), TABLE[:2]),
}
METHODS = (
    "sample score_samples score transform inverse_transform impute cdf quantile aic predict predict_proba stream "
    "answer chat surprisals bits_per_byte condition denoiser denoise log_prob_fn encode_items prepare_items "
    "decode_tensors with_options item_noise get_feature_names_out set_output save"
).split()
USUAL = {"q": [0.5], "prompt": "a", "messages": [{"role": "user", "content": "a"}], "text": "a", "n": 2}


def quick(cls: Any) -> Any:
    return cls(**{**cls.tiny, "max_steps": 1, "random_state": 0})


def mixture() -> zh.ProductMixture:
    return zh.ProductMixture(n_components=2, max_iter=3, random_state=0)


@cache
def fitted(name: str) -> Any:
    return MAKERS[name][0]()


def cases() -> list[tuple[str, str]]:
    classes = {name: getattr(zh, name) for name in MAKERS}
    theirs = {("Flow", "predict"), ("GenerativeClassifier", "score")}  # of tensors within; of scikit-learn
    found = [(name, method) for name in MAKERS for method in METHODS if hasattr(classes[name], method)]
    return [case for case in found if case not in theirs]


def answered(call: Callable[[], Any]) -> str | None:
    """What another library said of a call, or an error of several lines; None if all is well."""
    try:
        result = call()
        if inspect.isgenerator(result):
            list(result)
    except zh.ZaohuaError as error:
        return f"several lines: {error}" if "\n" in str(error) else None
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "method"), cases())
def test_methods_answer_nonsense_in_one_line(
    name: str, method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # a path may be taken for one
    parameters = inspect.signature(getattr(fitted(name), method)).parameters.values()
    named = [p for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    usual = {**USUAL, "X": MAKERS[name][1], "Z": np.zeros((2, 4)), "x_t": torch.zeros(2, 1, 8, 8), "t": torch.ones(())}
    wrong = {}
    for parameter in named:
        given = {p.name: usual.get(p.name) for p in named if p.default is p.empty}
        for what, value in NONSENSE.items():
            model = copy.copy(fitted(name))
            said = answered(lambda m=model, g=given, p=parameter, v=value: getattr(m, method)(**{**g, p.name: v}))
            if said is not None:
                wrong[parameter.name, what] = said
    assert wrong == {}


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "read X": lambda v: zh.read(v),
    "read y": lambda v: zh.read(PICTURES, v),
    "read modality": lambda v: zh.read(PICTURES, modality=v),
    "read split": lambda v: zh.read("digits", split=v),
    "write items": lambda v: zh.write(v, "out.png"),
    "write path": lambda v: zh.write(PICTURES, v),
    "write y": lambda v: zh.write(PICTURES, "out.npz", y=v),
    "write modality": lambda v: zh.write(PICTURES, "out2.png", modality=v),
    "load path": lambda v: zh.load(v),
    "show images": lambda v: zh.show(v),
    "show columns": lambda v: zh.show(PICTURES, columns=v),
    "sound samples": lambda v: zh.Sound(v, 8000),
    "sound rate": lambda v: zh.Sound(np.zeros(9), v),
    "piece notes": lambda v: zh.Piece(v),
    "piece steps": lambda v: zh.Piece(np.zeros((1, 4), int), steps=v),
    "piece roll": lambda v: zh.Piece.from_roll(v),
    "piece voices": lambda v: zh.Piece.from_voices(v),
    "modality": lambda v: zh.modality(v),
    "register": lambda v: zh.register(v),
    "fit": lambda v: zh.Gaussian().fit(v),
    "fit y": lambda v: zh.Gaussian().fit(PICTURES, v),
    "fit table": lambda v: mixture().fit(v),
    "fit texts": lambda v: quick(zh.GPT).fit(v),
    "out": lambda v: zh.Gaussian().fit(PICTURES, out=v),
    "field": lambda v: zh.GMM(n_components=v).fit(PICTURES),
    "seed": lambda v: zh.GMM(random_state=v, n_components=2).fit(PICTURES),
    "codec": lambda v: zh.GMM(codec=v, n_components=2).fit(PICTURES),
    "option": lambda v: zh.GMM(size=v, n_components=2).fit(PICTURES),
    "evaluate": lambda v: zh.evaluate(v),
    "compare": lambda v: zh.compare(v),
    "rank": lambda v: distributions.rank(v, models=["Normal"], replicates=0),
    "rank models": lambda v: distributions.rank(NUMBERS, models=v, replicates=0),
    "rank by": lambda v: distributions.rank(NUMBERS, models=["Normal"], by=v, replicates=0),
    "rank replicates": lambda v: distributions.rank(NUMBERS, models=["Normal"], replicates=[v]),
    "rank random_state": lambda v: distributions.rank(NUMBERS, models=["Normal"], replicates=1, random_state=v),
    "fit a distribution": lambda v: distributions.fit(v, NUMBERS, replicates=0),
    "device": lambda v: quick(zh.VAE).set_params(device=v).fit(PICTURES),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("function", FUNCTIONS)
def test_functions_answer_nonsense_in_one_line(function: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    wrong = {}
    for what, value in NONSENSE.items():
        said = answered(lambda v=value: FUNCTIONS[function](v))
        if said is not None:
            wrong[what] = said
    assert wrong == {}

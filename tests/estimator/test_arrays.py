"""Arrays of every form are taken, or refused in one line, in every method and for every kind of data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import zaohua as zh

PICTURES = np.random.default_rng(0).integers(0, 256, (24, 8, 8, 3), dtype=np.uint8)
ROWS = np.random.default_rng(0).normal(size=(40, 3))
LABELS = np.arange(24) % 2
MASKED = np.ma.array(PICTURES, mask=PICTURES < 5)


def listed(arrays: Any) -> np.ndarray:
    out = np.empty(len(arrays), object)
    out[:] = list(arrays)
    return out


FORMS = {
    "bgr": PICTURES[..., ::-1],
    "flipped": PICTURES[:, ::-1],
    "fortran": np.asfortranarray(PICTURES),
    "object list": listed(PICTURES),
    "list of views": list(PICTURES[..., ::-1]),
    "wide": PICTURES.astype(">i4"),
    "grad": torch.from_numpy(PICTURES).float().requires_grad_(),
    "nested lists": PICTURES.tolist(),
}


@pytest.fixture(scope="module")
def vae() -> zh.VAE:
    settings: dict[str, Any] = {**zh.VAE.tiny, "max_steps": 2, "random_state": 0}
    return zh.VAE(**settings).fit(PICTURES, LABELS[::-1])


@pytest.mark.parametrize("form", FORMS)
def test_views_of_pictures_are_those_pictures(form: str, vae: zh.VAE) -> None:
    given: Any = FORMS[form]
    same = np.stack([np.asarray(picture) for picture in (given.detach() if form == "grad" else given)]).astype(np.uint8)
    model = zh.Gaussian(random_state=0)
    assert model.fit(given).score(given) == pytest.approx(model.fit(same).score(same))
    for method in (vae.score_samples, vae.transform):
        assert np.allclose(method(given, LABELS[::-1]), method(same, LABELS[::-1].copy()))


def test_arrays_of_any_form_are_written_and_shown(tmp_path: Path) -> None:
    for form in ("bgr", "object list", "grad"):
        given: Any = FORMS[form]
        assert zh.write(given, tmp_path / f"{form}.png").exists() and zh.show(given).size[0] > 40
    assert zh.write(torch.from_numpy(PICTURES).bfloat16(), tmp_path / "sheet.npz").exists()


@pytest.mark.parametrize("form", ["float16", "bfloat16", "bool"])
def test_pictures_of_short_types_are_learnt(form: str) -> None:
    given = {
        "float16": (PICTURES / 255).astype(np.float16),
        "bfloat16": torch.from_numpy(PICTURES / 255).bfloat16(),
        "bool": PICTURES > 127,
    }[form]
    made = zh.Gaussian(random_state=0).fit(given).sample(2)
    assert made.dtype == {"float16": np.float16, "bfloat16": np.float32, "bool": np.bool_}[form]


def test_masks_are_refused_where_they_mean_nothing(vae: zh.VAE) -> None:
    for call in (lambda: zh.Gaussian().fit(MASKED), lambda: vae.score(MASKED), lambda: zh.Gaussian().fit(list(MASKED))):
        with pytest.raises(zh.ZaohuaError, match=r"values are masked, but images can't have missing values"):
            call()
    with pytest.raises(zh.ZaohuaError, match="12 of 24 values are masked, but labels"):
        zh.Gaussian().fit(PICTURES, np.ma.array(LABELS, mask=LABELS == 1))
    for y in (np.ma.array([0, 1], mask=[0, 1]), [0, np.ma.masked]):
        with pytest.raises(zh.ZaohuaError, match="masked, but labels|label number 1 is masked"):
            vae.sample(y=y)
    with pytest.raises(zh.ZaohuaError, match="masked, but images"):
        zh.write(MASKED, "never.png")
    with pytest.raises(zh.ZaohuaError, match="masked, but latent representations"):
        vae.inverse_transform(np.ma.array(np.zeros((2, 4)), mask=[[1, 0, 0, 0], [0] * 4]), LABELS[:2])
    with pytest.raises(zh.ZaohuaError, match="masked, but sounds"):
        zh.Sound(np.ma.array(ROWS[:, 0], mask=ROWS[:, 0] > 0), 8000)
    assert zh.Gaussian(random_state=0).fit(np.ma.array(PICTURES)).sample().shape == (1, 8, 8, 3)


@pytest.mark.parametrize("scale", [1.0, 10], ids=["floats", "integers"])
def test_masks_of_tables_are_missing_cells(scale: float) -> None:
    values = (ROWS * scale).astype(type(scale))
    masked = np.ma.array(values, mask=ROWS > 1)
    model = zh.ProductMixture(n_components=2, max_iter=5, random_state=0)
    holes = np.where(ROWS > 1, np.nan, values)
    assert np.allclose(model.fit(masked).score_samples(masked), model.fit(holes).score_samples(holes))
    assert np.array_equal(model.impute(masked, random_state=0)[~masked.mask], values[~masked.mask])


@pytest.mark.parametrize(
    "rows",
    [
        ROWS[:, ::-1],
        ROWS.astype(">f8"),
        ROWS.astype(np.float16),
        torch.from_numpy(ROWS).bfloat16(),
        pd.DataFrame(ROWS.astype(">f8"), columns=list("abc")),
    ],
    ids=["reversed", "big-endian", "float16", "bfloat16", "big-endian frame"],
)
def test_tables_of_any_layout_are_learnt(rows: Any) -> None:
    model = zh.ProductMixture(n_components=2, max_iter=5, random_state=0).fit(rows)
    assert np.isfinite(model.score_samples(rows)).all() and len(model.sample(3)) == 3


@pytest.mark.parametrize(
    ("model", "items", "advice"),
    [
        (zh.Gaussian(), ROWS.repeat(64, 1)[:, :64], r"X\.reshape\(-1, 8, 8\)"),
        (zh.Gaussian(), ROWS.repeat(64, 1), r"X\.reshape\(-1, 8, 8, 3\)"),
        (zh.Gaussian(), ROWS, r"X\.reshape\(-1, H, W\)"),
        (zh.Gaussian(), pd.DataFrame(ROWS[:, :2]), r"X\.to_numpy\(\)\.reshape\(-1, H, W\)"),
        (zh.Gaussian(), PICTURES.astype(object), r"give X\.astype\(np\.float32\)"),
        (zh.GPT(), np.array(["a", "b"]), r"X\.tolist\(\)"),
        (zh.GPT(), pd.Series(["a", "b"]), r"X\.tolist\(\)"),
        (zh.Flow(), zh.Sound(ROWS[:, 0], 8000), "a single Sound: give a list of them"),
    ],
)
def test_what_is_of_another_form_is_told_how_to_be_converted(model: Any, items: Any, advice: str) -> None:
    with pytest.raises(zh.ZaohuaError, match=advice):
        model.fit(items)


# ---- NaN on the way out


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_latents_that_are_no_numbers_are_refused(value: float, vae: zh.VAE) -> None:
    z = np.zeros((3, 4))
    z[1, 2] = value
    with pytest.raises(zh.ZaohuaError, match="latent representation 1 has values that are NaN or infinite"):
        vae.inverse_transform(z, 1)


def diverged(model: Any) -> Any:
    with torch.no_grad():
        for parameter in model.nets_.parameters():
            parameter.fill_(torch.nan)
    return model


def test_results_of_a_diverged_model_are_refused() -> None:
    settings: dict[str, Any] = {**zh.VAE.tiny, "max_steps": 1, "random_state": 0}
    model = diverged(zh.VAE(**settings).fit(PICTURES))
    for call in (
        lambda: model.sample(2),
        lambda: model.transform(PICTURES[:2]),
        lambda: model.score(PICTURES[:2]),
        lambda: model.inverse_transform(np.zeros((2, 4))),
        lambda: model.decode_tensors(torch.full((2, 3, 8, 8), torch.nan)),
    ):
        with pytest.raises(zh.ZaohuaError, match="NaN or infinite for 2 of 2 items: it has diverged.*learning_rate="):
            call()


def test_numbers_of_a_diverged_table_are_refused_but_missing_cells_are_not() -> None:
    frame = pd.DataFrame({"a": np.where(ROWS[:, 0] > 0, np.nan, ROWS[:, 1]), "b": ROWS[:, 2]})
    settings: dict[str, Any] = {**zh.TVAE.tiny, "max_steps": 1, "random_state": 0}
    model = zh.TVAE(**settings).fit(frame)
    assert model.sample(20)["a"].isna().any()
    with pytest.raises(zh.ZaohuaError, match="this TVAE are NaN or infinite"):
        diverged(model).sample(20)

"""Time series in examples/series, a kind of data of a user's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from examples.series import Series
from examples.series.codec import SeriesCodec
from examples.series.evaluation import LAGS, features_of
from examples.series.files import read_csv
from examples.series.waves import KINDS, expected_periodogram, make, periodogram
from tests.examples.kinds import (
    TINY,
    check_known_by_name,
    check_saved_and_loaded,
    check_the_command_line,
    folder_of,
    sorted_by_label,
)

import zaohua as zh
from zaohua.modalities.registry import unregister

unregister("series")  # importing it has registered it, and tests of other files shall not know it


@pytest.fixture(scope="module", autouse=True)
def registered() -> Iterator[None]:
    zh.register(Series())
    yield
    unregister("series")


@pytest.fixture(scope="module")
def waves() -> tuple[np.ndarray, list[str]]:
    return make(60, length=32)


def test_ar2_has_the_spectrum_of_theory() -> None:
    """The mean periodogram of n series is off by its own standard error, which is expected / sqrt(n)."""
    series, labels = make(2400, length=64)
    first = series[[label == "ar2" for label in labels], :, 0]
    expected = expected_periodogram(64)
    error = (periodogram(first.astype(np.float64)).mean(0) / expected - 1) * np.sqrt(len(first))
    assert np.abs(error[1:-1]).max() < 4 and len(first) > 700
    whole = np.concatenate([expected, expected[1:-1]]).mean()  # Parseval: the variance, which is 1
    assert whole == pytest.approx(1)


def test_the_second_channel_follows_the_first() -> None:
    series, labels = make(30)
    assert np.corrcoef(series[:, 4:, 1].ravel(), series[:, :-4, 0].ravel())[0, 1] > 0.99
    assert set(labels) == set(KINDS)


def test_write_and_read(waves: tuple[np.ndarray, list[str]], tmp_path: Path) -> None:
    items, labels = waves
    back, names = zh.read(zh.write(items, tmp_path / "all.npz", y=labels, modality="series"), True, modality="series")
    assert np.array_equal(back, items) and names == labels
    folder = folder_of(SeriesCodec().fit(items), items, labels, tmp_path / "waves")
    back, names = zh.read(folder, True)
    assert np.array_equal(back, sorted_by_label(*waves)[0]) and back.dtype == np.float32 and names == sorted(labels)
    assert zh.write(items[:5], tmp_path / "sheet", modality="series") == tmp_path / "sheet.png"
    bad = tmp_path / "bad.csv"
    bad.write_text("a,b\n1,2\n3\n")
    with pytest.raises(zh.ZaohuaError, match="bad.csv: can't be read as a series"):
        read_csv(bad)


def test_labels_in_a_table_beside_the_series(waves: tuple[np.ndarray, list[str]], tmp_path: Path) -> None:
    """A labels.csv is no series, though it ends as one."""
    items, labels = waves[0][:6], waves[1][:6]
    SeriesCodec().fit(items).write(items, tmp_path, [f"{i}" for i in range(6)])
    lines = [f"{i}.csv,{label}\n" for i, label in enumerate(labels)]
    (tmp_path / "labels.csv").write_text("filename,label\n" + "".join(lines))
    back, names = zh.read(tmp_path, True)
    assert np.array_equal(back, items) and names == labels
    assert np.array_equal(zh.read(tmp_path)[0], items)


def test_channels_are_standardised_and_come_back(waves: tuple[np.ndarray, list[str]]) -> None:
    items = waves[0] * np.array([1e3, 1e-3], np.float32) + np.array([5e3, 0], np.float32)
    codec = SeriesCodec().fit(items)
    codes = codec.encode(items)
    assert codes.shape == (60, 2, 32) and codes.mean((0, 2)).abs().max() < 1e-4
    assert codes.std((0, 2)).numpy() == pytest.approx([0.5, 0.5], rel=1e-3)
    np.testing.assert_allclose(codec.decode(codes), items, rtol=1e-5, atol=1e-3)
    assert [f.scale for f in codec.spec_.features] == pytest.approx(2 * items.std((0, 1)).astype(float), rel=1e-3)


def test_densities_are_per_own_unit(waves: tuple[np.ndarray, list[str]]) -> None:
    """In units a thousand times smaller, a density is a thousand times lower for each of the 64 numbers of a series."""
    plain, other = (SeriesCodec().fit(waves[0] * s).spec_ for s in (1.0, 1000.0))
    assert other.log_volume - plain.log_volume == pytest.approx(64 * np.log(1000))


def test_features_dont_depend_on_the_beginning() -> None:
    t = np.arange(128)
    waves = np.stack([[np.sin(2 * np.pi * 8 * (t + shift) / 128)] * 2 for shift in range(16)])
    found = features_of(waves)
    assert np.ptp(found, axis=0).max() < 1e-4
    lagged = found[0][-2 * len(LAGS) :: 2]
    assert lagged == pytest.approx([np.cos(2 * np.pi * 8 * lag / 128) for lag in LAGS], abs=5e-3)


def test_fit_sample_save_load(waves: tuple[np.ndarray, list[str]], tmp_path: Path) -> None:
    model = zh.Flow(**TINY).fit(*waves, modality="series")
    assert model.spec_.axes == ("time",) and isinstance(model.codec_, SeriesCodec)
    made = model.sample(4, y="pulse", random_state=0)
    assert made.shape == (4, 32, 2) and made.dtype == np.float32
    by_codec = zh.Flow(**TINY, codec=SeriesCodec()).fit(*waves)
    assert np.array_equal(by_codec.sample(4, y="pulse", random_state=0), made)
    check_saved_and_loaded(model, "pulse", tmp_path, lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5))


def test_training_goes_on_with_the_kind_of_the_run(waves: tuple[np.ndarray, list[str]], tmp_path: Path) -> None:
    """An array that may be images is taken for series, as the run was."""
    zh.Flow(**TINY).fit(*waves, modality="series", out=tmp_path / "run")
    longer = zh.load(tmp_path / "run").set_params(max_steps=5).resume(tmp_path / "run", *waves)
    assert longer.n_steps_ == 5 and isinstance(longer.codec_, SeriesCodec)
    tuned = longer.finetune(*waves, max_steps=2)
    assert isinstance(tuned.codec_, SeriesCodec)


def test_without_a_kind_an_array_is_images_and_that_is_said(waves: tuple[np.ndarray, list[str]]) -> None:
    with pytest.warns(zh.ZaohuaWarning, match="is taken for images; modality='series' reads it otherwise"):
        zh.Flow(**TINY).fit(waves[0])


def test_what_cannot_be_series_is_told() -> None:
    with pytest.raises(zh.ZaohuaError, match="aren't finite"):
        zh.Flow(**TINY).fit(np.full((3, 8, 1), np.nan), modality="series")
    with pytest.raises(zh.ZaohuaError, match=r"not float64 of shape \(3, 8\)"):
        zh.Flow(**TINY).fit(np.zeros((3, 8)), modality="series")


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    codec = SeriesCodec()
    for seed, split in enumerate(("train", "test")):
        items, labels = make(60, length=64, seed=seed)
        folder_of(codec.fit(items), items, labels, tmp_path / "data" / split)
    check_the_command_line("data", "pulse", ".csv", tmp_path, capsys, monkeypatch)


def test_the_data_set_is_known_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_known_by_name("series", "waves", tmp_path, monkeypatch)

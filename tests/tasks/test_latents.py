"""What lies between items and conditions, directions in latent space, and restoration and anomalies by latents."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import zaohua as zh
from tests.families.oracles import PLANE
from tests.trainings import digits, make
from zaohua.families.ode import to_data, to_noise
from zaohua.families.schedules import CosineSchedule, RectifiedFlow, VarianceExploding
from zaohua.nn.embed import Embed
from zaohua.tasks.anomalies import anomalies, layout
from zaohua.tasks.interpolate import slerp
from zaohua.tasks.latents import Latents, direction, shift

X, Y = digits(60)


@pytest.fixture(scope="module")
def models() -> dict[str, Any]:
    """A model of each way to latents, with labels, trained for a moment."""
    mlp = {"encoder": "mlp", "decoder": "mlp", "latent_dim": 4}
    return {
        "vae": make("VAE", 300, **mlp).fit(X, Y),
        "gan": make("R3GAN", 3, channels=4, max_channels=4, latent_dim=4).fit(X, Y),
        "flow": make("Flow", 8, channels=8, score_steps=8).fit(X, Y),
        "edm": make("EDM", 8, channels=8, steps=4).fit(X, Y),
    }


# ---- between


def test_slerp_keeps_norms_and_reaches_both_ends() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 20))
    b *= np.linalg.norm(a) / np.linalg.norm(b)
    between = slerp(a, b, np.linspace(0, 1, 9))
    np.testing.assert_allclose(np.linalg.norm(between, axis=1), np.linalg.norm(a), rtol=1e-12)
    assert np.array_equal(between[0], a) and np.array_equal(between[-1], b)
    angles = np.arccos((between[:-1] * between[1:]).sum(1) / np.linalg.norm(a) ** 2)
    np.testing.assert_allclose(angles, angles[0])  # even steps on the circle
    norms = np.linalg.norm(slerp(a, 3 * b, np.array([0.5])), axis=1)
    np.testing.assert_allclose(norms, 2 * np.linalg.norm(a))  # of different norms, they change evenly


def test_slerp_of_parallel_vectors_is_a_straight_line() -> None:
    w = np.array([0.0, 0.25, 1.0])
    for b in (2.0, -1.0, 0.0):
        assert np.allclose(slerp(np.array([1.0]), np.array([b]), w)[:, 0], 1 + w * (b - 1))


@pytest.mark.parametrize("name", ["vae", "gan", "flow", "edm"])
def test_ends_are_what_the_model_makes_of_the_latents_of_items(models: dict[str, Any], name: str) -> None:
    latents = Latents(models[name], Y[0])
    made = zh.interpolate(models[name], X[0], X[1], 4, y=Y[0])
    again = latents.items(latents.of(X[:2]))
    assert made.shape == (4, 8, 8) and made.dtype == X.dtype
    assert np.abs(made[[0, -1]].astype(int) - again.astype(int)).max() <= 1


def test_seeds_stand_for_the_latents_of_samples(models: dict[str, Any]) -> None:
    made = zh.interpolate(models["gan"], 3, 4, 3, y=Y[0])
    assert np.array_equal(made[0], models["gan"].sample(1, y=Y[0], random_state=3)[0])


@pytest.mark.parametrize("schedule", [RectifiedFlow(), CosineSchedule(end=1e-4), VarianceExploding(5.0)])
def test_noise_along_the_ode_leads_back_to_the_data(schedule: Any) -> None:
    denoiser = PLANE.denoiser(schedule)
    x = torch.tensor([[0.4, -0.1], [-0.6, 0.5]], dtype=torch.float64)
    torch.testing.assert_close(to_data(denoiser, to_noise(denoiser, x, 200), 200), x, atol=0.02, rtol=0)


def test_mixture_of_labels_at_0_and_1_is_the_label_bit_for_bit(models: dict[str, Any]) -> None:
    embed = next(m for m in models["flow"].nets_.modules() if isinstance(m, Embed))
    labels = torch.arange(10)
    assert torch.equal(embed(torch.eye(10), 10).values, embed(labels, 10).values)
    half = embed(torch.eye(10)[:1] / 2 + torch.eye(10)[1:2] / 2, 1).values[:, 0]
    torch.testing.assert_close(half, embed(labels[:2], 2).values.mean(0))


@pytest.mark.parametrize("name", ["vae", "gan", "flow", "edm"])
def test_morph_begins_and_ends_with_samples_of_the_pure_classes(models: dict[str, Any], name: str) -> None:
    made = zh.morph(models[name], 3, 8, 5, random_state=1)
    pure = [models[name].sample(5, y=label, random_state=1)[0] for label in (3, 8)]
    assert np.array_equal(made[0], pure[0]) and np.array_equal(made[-1], pure[1])


def test_middle_of_a_morph_is_neither_class(models: dict[str, Any]) -> None:
    made = zh.morph(models["vae"], 3, 8, 3, random_state=1).astype(float)
    away = [np.abs(made[1] - made[end]).sum() for end in (0, 2)]
    assert min(away) > 0 and max(away) < np.abs(made[0] - made[2]).sum()


def test_what_has_no_latents_or_conditions_is_told_in_one_line(models: dict[str, Any]) -> None:
    with pytest.raises(zh.NotAvailable, match="a VQVAE has no latents between which anything lies"):
        Latents(make("VQVAE", 1).fit(X))
    with pytest.raises(zh.ZaohuaError, match="was fitted with labels: give y"):
        zh.interpolate(models["vae"], X[0], X[1])
    with pytest.raises(zh.ZaohuaError, match="a must be one item, and these are 2"):
        zh.interpolate(models["vae"], X[:2], X[1], y=Y[0])
    with pytest.raises(zh.ZaohuaError, match="unknown label '12'"):
        zh.morph(models["vae"], 3, 12)


def test_shift_by_a_direction_changes_the_attribute(models: dict[str, Any]) -> None:
    bright = X.reshape(len(X), -1).mean(1) > np.median(X.reshape(len(X), -1).mean(1))
    along = direction(models["vae"], X, bright, y=Y[0])
    more, same, less = (shift(models["vae"], X[:10], along, amount, y=Y[0]) for amount in (2.0, 0.0, -2.0))
    assert more.mean() > same.mean() > less.mean()
    with pytest.raises(zh.ZaohuaError, match="needs items with it and items without it"):
        direction(models["vae"], X, bright | True, y=Y[0])


# ---- restoration and anomalies


@pytest.mark.parametrize("name", ["vae", "gan"])
def test_restoration_by_latents_keeps_what_is_seen_and_is_the_same_alone(models: dict[str, Any], name: str) -> None:
    seen = np.arange(8)[:, None].repeat(8, 1) < 4
    some = zh.restore(models[name], X[:3], mask=seen, steps=5, n_samples=2, draws=True, random_state=2)
    assert np.array_equal(some.best[:, :4], X[:3, :4]) and "approximate; the spread" in some.how
    one = zh.restore(models[name], X[:1], mask=seen, steps=5, n_samples=2, draws=True, random_state=2)
    assert np.abs(one.samples[1][0].astype(int) - some.samples[1][0].astype(int)).max() <= 1


def test_an_item_that_the_decoder_can_make_is_restored_whatever_its_label(models: dict[str, Any]) -> None:
    made = models["vae"].sample(8, random_state=4)
    seen = np.arange(8)[:, None].repeat(8, 1) < 5
    found = zh.restore(models["vae"], made, mask=seen, steps=60, random_state=0).best
    away = np.abs(found.astype(float) - made)[:, ~seen].mean()
    others = np.abs(np.roll(made, 1, axis=0).astype(float) - made)[:, ~seen].mean()
    assert away < others / 2


def test_blocks_of_four_kinds_cover_an_item() -> None:
    kinds = layout((5, 6), 2)
    assert [int((kinds == kind).sum()) for kind in range(4)] == [12, 6, 8, 4]
    assert layout((8,), 2).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


def test_a_pasted_blob_is_the_peak_of_the_map(models: dict[str, Any]) -> None:
    made = models["vae"].sample(1, y=Y[0], random_state=4).repeat(3, 0)
    made[1, 2:4, 2:4] = 0 if made[1, 2:4, 2:4].mean() > 8 else 16
    made[2, 6:8, 0:2] = 16
    found = anomalies(models["vae"], made, y=Y[0], n_samples=1, steps=20, random_state=0)
    assert found.map.shape == made.shape and found.scores.argmin() == 0
    for item, rows, columns in ((1, (2, 3), (2, 3)), (2, (6, 7), (0, 1))):
        row, column = np.unravel_index(found.map[item].argmax(), (8, 8))
        assert row in rows and column in columns


def test_spectrograms_have_maps_of_bands_and_frames() -> None:
    sounds = [zh.Sound(np.sin(np.arange(2000) * (0.1 + 0.02 * i)), 8000) for i in range(8)]
    model = make("Flow", 2, channels=4, steps=2, vocoder=False).fit(sounds, modality="sounds")
    found = anomalies(model, sounds[:2], n_samples=1, steps=2)
    assert found.map.shape == (2, *model.spec_.shape) and (found.scores > 0).all()


# ---- on the command line


def test_commands_write_strips_films_and_maps(models: dict[str, Any], tmp_path: Path, capsys: Any) -> None:
    from PIL import Image

    from zaohua.cli import main

    run = models["vae"].save(tmp_path / "run")
    zh.write(X[:3], tmp_path / "digits.npz")
    call: Callable[..., int] = lambda *words: main([str(word) for word in words])  # noqa: E731
    assert call("interpolate", run, "--from-y", 3, "--to-y", 8, "-n", 5, "--out", tmp_path / "a.gif") == 0
    assert Image.open(tmp_path / "a.gif").n_frames == 5
    assert call("interpolate", run, 1, 2, "--y", 3, "-n", 4, "--out", tmp_path / "b.png") == 0
    assert Image.open(tmp_path / "b.png").size[0] > 4 * Image.open(tmp_path / "a.gif").size[0] - 1
    assert call("interpolate", run, 1, "--y", 3) == 2
    assert "give two items or seeds" in capsys.readouterr().err
    flags = ("--y", Y[0], "--guesses", 1, "--steps", 2)
    for ending in ("png", "csv", "npz"):
        assert call("anomalies", run, tmp_path / "digits.npz", "--out", tmp_path / f"c.{ending}", *flags) == 0
    assert np.load(tmp_path / "c.npz")["map"].shape == (3, 8, 8)
    assert len(Path(tmp_path / "c.csv").read_text().splitlines()) == 4


def test_anomalies_of_patches_are_named_by_picture_and_place(tmp_path: Path, capsys: Any) -> None:
    from PIL import Image

    from zaohua.cli import main

    (tmp_path / "photos").mkdir()
    for i, pixels in enumerate(np.random.default_rng(0).integers(0, 255, (3, 20, 24), np.uint8)):
        Image.fromarray(pixels).save(tmp_path / "photos" / f"p{i}.png")
    model = zh.VAE(codec=zh.ImageCodec(patch=8), **{**zh.VAE.tiny, "max_steps": 1, "random_state": 0})
    run = model.fit(tmp_path / "photos").save(tmp_path / "run")
    out = tmp_path / "found.csv"
    flags = ("--out", str(out), "--guesses", "1", "--steps", "1")
    assert main(["anomalies", str(run), str(tmp_path / "photos"), *flags]) == 0
    rows = out.read_text().splitlines()[1:]
    assert len(rows) > 3 and all("photos/p" in row for row in rows) and len({*rows}) == len(rows)
    assert f"3 items were cut into {len(rows)} patches" in capsys.readouterr().err
    with pytest.raises(zh.ZaohuaError, match="patches of 8 x 8, as this model learnt"):
        zh.interpolate(zh.load(run), tmp_path / "photos" / "p0.png", 1)

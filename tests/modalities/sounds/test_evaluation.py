"""Evaluation of sounds: an ear that hears them, figures of tones whose truth is known, and a page that plays them."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.pages import EVIL, page_of, times
from tests.trainings import reloaded

import zaohua as zh
from zaohua.core.errors import ZaohuaError
from zaohua.evaluation import summaries
from zaohua.evaluation.comparison import Comparison, compared
from zaohua.evaluation.results import FLOOR, NAIVE, REAL_PAIRS, SHUFFLED, Evaluation, load
from zaohua.metrics.intervals import mean_interval, ratio_interval
from zaohua.modalities import MelCodec, MuLawCodec, Sound, SoundFiles, WaveCodec
from zaohua.modalities.sounds.evaluation import Ear, SoundProtocol
from zaohua.modalities.sounds.sound import Sounds, sixteen_bits
from zaohua.tasks.evaluation import cost, page
from zaohua.tasks.evaluation.compare import compare
from zaohua.tasks.evaluation.evaluate import evaluate
from zaohua.tasks.evaluation.history import Evaluator
from zaohua.tasks.evaluation.protocols import kind_of, protocol_for, read_items, splits_of

RATE, LENGTH = 2000, 500
HEARD, SHAPE = 736, (16, 24)  # samples of spectrograms whose frames are a multiple of 8, and their bands and frames
PITCHES = {"high": 700.0, "low": 150.0, "middle": 350.0}
TRAIN, TEST = 30, 12
VAE: dict[str, Any] = {**zh.VAE.tiny, "max_steps": 10, "random_state": 0}


def tone(name: str, rng: np.random.Generator) -> Sound:
    """A tone of about that pitch, which dies away, with some noise."""
    t = np.arange(LENGTH) / RATE
    pitch, phase, loud = PITCHES[name] * rng.uniform(0.9, 1.1), rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 0.9)
    wave = loud * np.sin(2 * np.pi * pitch * t + phase) * np.exp(-t * rng.uniform(4, 10))
    return Sound(wave + 0.003 * rng.standard_normal(LENGTH), RATE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """WAV files in train/NAME and test/NAME."""
    root, rng = tmp_path_factory.mktemp("tones"), np.random.default_rng(0)
    for (split, count), name in itertools.product((("train", TRAIN), ("test", TEST)), PITCHES):
        (root / split / name).mkdir(parents=True)
        for i in range(count):
            (root / split / name / f"{i:02d}.wav").write_bytes(tone(name, rng).wav())
    return root


@pytest.fixture(scope="module", autouse=True)
def quick(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A judge of tones needs no 80,000 of them; and it is kept nowhere that lasts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SoundProtocol, "min_items", 2000)
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def run(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a small VAE on the tones and their names."""
    out = tmp_path_factory.mktemp("runs") / "vae"
    zh.VAE(**VAE).fit(folder, True, out=out)
    return out


@pytest.fixture(scope="module")
def found(run: Path) -> Evaluation:
    """What is found of it."""
    evaluation = evaluate(zh.load(run), run=run)
    evaluation.save(run)
    return evaluation


def made_of(run: Path, sounds: Any) -> Any:
    """The model with samples that are given: a function of the names that are asked for and of a seed."""
    model = zh.load(run)
    model.sample = lambda n, *, y=None, random_state=None: Sounds(sounds(y or ["low"] * n, random_state))
    return model


def real_of(folder: Path, split: str) -> tuple[list[Sound], list[str]]:
    files, labels = zh.read(folder, True, split=split)
    return list(files), list(labels)


class TestEar:
    def test_it_hears_what_wav_files_hold(self, run: Path, folder: Path) -> None:
        """Samples that were written to WAV files and read again look the same; all pitches are where they belong."""
        ear = Ear(splits_of(zh.load(run)).train)
        sounds = [tone(name, np.random.default_rng(1)) for name in PITCHES]
        bits = [Sound(sixteen_bits(sound.samples), RATE) for sound in sounds]
        heard = ear.hear(sounds)
        assert np.array_equal(heard, ear.hear(bits)) and heard.dtype == np.uint8
        assert heard.shape == (3, *SHAPE)
        rows = heard[:, :, 0:4].astype(float).sum(2).argmax(1)  # from above: high, middle, low
        assert rows[0] < rows[2] < rows[1]

    def test_it_doesnt_depend_on_what_models_take_sounds_for(self, folder: Path) -> None:
        ears = []
        for codec in (MelCodec(), MelCodec(n_fft=32, bands=20), WaveCodec(multiple=300)):
            model = zh.VAE.__new__(zh.VAE)
            model.codec_, model.source_ = codec.fit(zh.read(folder)[0]), {"X": str(folder)}
            model.y_codec_ = None
            ears.append(Ear(splits_of(model).train))
        assert len({json.dumps(ear.codec.to_json()) for ear in ears}) == 1
        assert ears[0].codec.form_.length == HEARD

    def test_other_rates_lengths_and_channels_are_brought_to_its_own(self, run: Path) -> None:
        ear = Ear(splits_of(zh.load(run)).train)
        slow = np.sin(2 * np.pi * 200 * np.arange(2 * LENGTH) / (2 * RATE)) / 2
        there = ear.hear([Sound(np.stack([slow, slow], 1), 2 * RATE)])
        plain = ear.hear([Sound(slow[::2], RATE)])
        assert there.shape == plain.shape
        assert abs(there[0, :, 2:-3].astype(int) - plain[0, :, 2:-3]).max() <= 12  # 4 dB, where there is nothing
        long = np.tile(slow[::2], 3)
        assert np.array_equal(ear.hear([Sound(long, RATE)]), ear.hear([Sound(long[:HEARD], RATE)]))

    def test_a_sound_of_no_length_is_silence(self, run: Path) -> None:
        ear = Ear(splits_of(zh.load(run)).train)
        assert not ear.hear([Sound(np.zeros(0), RATE), Sound(np.zeros(HEARD), RATE)]).any()


class TestEvaluate:
    def test_what_is_measured(self, found: Evaluation) -> None:
        assert (found.modality, found.n, found.split) == ("sounds", 3 * TEST, "test")
        assert re.fullmatch(r"classifier-64, \w{8}, 16 mel bands of 64 samples, every 32 at 2,000 Hz", found.extractor)
        assert {"frechet", "recall", "diversity", "accuracy", "copy_rate", "two_sample"} < set(found.figures)
        assert "bits_per_dim" not in found.figures
        assert found.representation == "log-mel spectrograms, 16 x 24"
        floor, naive = found.references[FLOOR], found.references[NAIVE]
        assert floor["frechet"].value < min(found.figures["frechet"].value, naive["frechet"].value)
        assert floor["diversity"].value == pytest.approx(1, abs=0.4)
        assert found.references[REAL_PAIRS]["accuracy"].value == 1
        assert found.references[SHUFFLED]["accuracy"].value < 0.8

    def test_how_much_faster_than_it_sounds(self, run: Path, found: Evaluation) -> None:
        seconds = zh.load(run).codec_.form_.length / RATE
        assert found.cost.real_time == pytest.approx(seconds / (found.cost.milliseconds / 1000))
        told = "\n".join(summaries.summary_lines(found))
        assert " times real time" in told and ", of log-mel spectrograms, 16 x 24\n" in told
        digits = zh.Gaussian(random_state=0).fit("digits")
        assert cost.cost(digits, 1, 1.0, None).real_time is None

    def test_it_is_kept_with_what_is_played(self, run: Path, found: Evaluation) -> None:
        kept = load(run)
        assert kept is not None and kept.to_json() == json.loads(json.dumps(found.to_json()))
        assert kept.arrays["heard"].dtype == np.int16 and len(kept.arrays["heard"]) == 2 * len(PITCHES)
        model = zh.load(run)
        first = cost.sample(model, 3 * TEST, real_labels(model), 0)[0][0]
        for i, wave in zip(kept.arrays["shown"], kept.arrays["heard"], strict=True):
            np.testing.assert_allclose(wave, sixteen_bits(first[i].samples), atol=1)

    def test_real_sounds_of_the_right_names_are_as_good_as_can_be(
        self, run: Path, folder: Path, found: Evaluation
    ) -> None:
        """Training sounds are real, recognised and flagged; with shuffled names they are real and not recognised."""
        sounds, labels = real_of(folder, "train")

        def of(names: list[str], seed: int | None) -> list[Sound]:
            places = {
                name: iter(
                    np.random.default_rng(seed).permutation([i for i, label in enumerate(labels) if label == name])
                )
                for name in PITCHES
            }
            return [sounds[next(places[name])] for name in names]

        copied = evaluate(made_of(run, of))
        assert (
            copied.figures["accuracy"].value == 1
            and copied.figures["frechet"].value < 3 * copied.references[FLOOR]["frechet"].value
        )
        assert copied.figures["copy_rate"].value == 1 and "36 exact" in copied.figures["copy_rate"].note
        assert any("exact copies" in flag for flag in copied.flags)
        around = dict(zip(PITCHES, [*list(PITCHES)[1:], list(PITCHES)[0]], strict=True))
        swapped = evaluate(made_of(run, lambda names, seed: of([around[name] for name in names], seed)))
        assert swapped.figures["accuracy"].value == 0
        assert swapped.figures["frechet"].value == pytest.approx(copied.figures["frechet"].value, rel=0.01)

    def test_alike_samples_have_no_diversity(self, run: Path, folder: Path) -> None:
        sounds, labels = real_of(folder, "train")
        one = {name: sounds[labels.index(name)] for name in PITCHES}
        found = evaluate(made_of(run, lambda names, seed: [one[name] for name in names]))
        assert found.figures["diversity"].value == pytest.approx(0, abs=1e-6)
        assert found.figures["accuracy"].value == 1 and found.figures["recall"].value < 0.3

    def test_without_labels(self, folder: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
        rng = np.random.default_rng(0)
        for split, count in (("train", 30), ("test", 20)):
            (tmp_path / split).mkdir()
            for i in range(count):
                (tmp_path / split / f"{i:02d}.wav").write_bytes(tone("low", rng).wav())
        model = zh.VAE(**{**VAE, "max_steps": 2}).fit(tmp_path)
        model = reloaded(model, tmp_path_factory.mktemp("run"))
        found = evaluate(model)
        assert found.extractor.startswith("random-convolutions") and "accuracy" not in found.figures
        with pytest.raises(ZaohuaError, match="--inception isn't for models of sounds"):
            evaluate(model, inception="weights.safetensors")
        with pytest.raises(ZaohuaError, match="fsdd is a data set of sounds, and a Gaussian makes images"):
            splits_of(zh.Gaussian().fit("digits"), data="fsdd")

    def test_too_few(self, tmp_path: Path) -> None:
        for split in ("train", "test"):
            (tmp_path / split).mkdir()
            for i in range(4):
                (tmp_path / split / f"{i}.wav").write_bytes(tone("low", np.random.default_rng(i)).wav())
        with pytest.raises(ZaohuaError, match="4 real sounds are too few"):
            evaluate(zh.VAE(**{**VAE, "max_steps": 1}).fit(tmp_path))


def real_labels(model: Any) -> list[str]:
    return list(read_items(model, model.source_["X"], "test", SoundProtocol).values.labels)


def test_kinds_of_sounds() -> None:
    model = zh.VAE.__new__(zh.VAE)
    files = SoundFiles([tone("low", np.random.default_rng(0))] * 3)
    for codec, what in (
        (MelCodec(), "log-mel spectrograms, 16 x 24"),
        (WaveCodec(), "bent waves, 512"),
        (WaveCodec(mu=0), "waves, 512"),
        (MuLawCodec(), "mu-law levels"),
    ):
        model.codec_ = codec.fit(files)
        model.spec_ = model.codec_.spec_
        assert kind_of(model).name == "sounds" and SoundProtocol.representation(model) == what


def test_each_model_scores_test_sounds_as_it_takes_them(run: Path, found: Evaluation, folder: Path) -> None:
    model = zh.load(run)
    x, y = zh.read(folder, True, split="test")
    np.testing.assert_allclose(found.arrays["nats"], model.score_samples(x, y), rtol=1e-6)
    protocol = protocol_for(model, 36)
    other = zh.VAE.__new__(zh.VAE)
    for codec, size in ((WaveCodec(rate=1000), 250), (WaveCodec(seconds=0.1), 200), (WaveCodec(), LENGTH)):
        other.codec_ = codec.fit(zh.read(folder)[0])
        assert protocol.sizes(other, np.arange(3)).tolist() == [size] * 3


def test_models_of_samples_tell_bits_per_sample(folder: Path, found: Evaluation, tmp_path: Path) -> None:
    """Sounds of theirs end when they do; they are heard by the same ear as all others."""
    settings = {name: value for name, value in zh.WaveNet.tiny.items() if name != "max_tokens"}
    model = zh.WaveNet(**{**settings, "max_steps": 2}, random_state=0).fit(folder, True)
    model = reloaded(model, tmp_path)
    told = evaluate(model, samples=20)
    bits = told.figures["bits_per_sample"]
    x, y = zh.read(folder, True, split="test")
    rows = np.sort(np.random.default_rng(0).choice(len(x), 20, replace=False))  # as `Items.some` takes them
    own = model.bits_per_sample([x[i] for i in rows], [y[i] for i in rows])
    assert bits.value == pytest.approx(own, rel=1e-5) and bits.low <= bits.value <= bits.high and bits.note == "exact"
    assert told.extractor == found.extractor and told.representation == "mu-law levels"


def test_bits_of_items_of_different_sizes() -> None:
    """The interval of a ratio is as wide as that of what the sizes don't explain."""
    rng = np.random.default_rng(0)
    sizes = rng.integers(1, 100, 400).astype(float)
    found = ratio_interval(3 * sizes + rng.standard_normal(400), sizes)
    assert found.low < 3 < found.high and found.high - found.low == pytest.approx(
        2 * 1.966 / 20 / sizes.mean(), rel=0.15
    )
    same = ratio_interval(sizes, np.full(400, 2.0))
    assert (same.value, same.high) == pytest.approx((sizes.mean() / 2, mean_interval(sizes).high / 2))


@pytest.fixture(scope="module")
def both(run: Path, found: Evaluation, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """The same beside a model without labels that has hardly been trained."""
    other = tmp_path_factory.mktemp("runs") / "short"
    zh.VAE(**{**VAE, "max_steps": 1}).fit(folder, None, out=other)
    return compare([other, run])


class TestCompare:
    def test_what_was_measured_is_taken(self, both: Comparison, found: Evaluation) -> None:
        again = next(row for row in both.rows if row.run == "vae")
        assert again.figures == found.figures and again.about == found.about
        assert "log-likelihoods are of log-mel spectrograms, 16 x 24" in both.notes
        assert len(both.arrays["heard"]) == 6 and not {"arrays", "test"} & set(both.to_json())
        assert both.likeliest is not None

    def test_the_page_plays_and_needs_nothing_else(self, both: Comparison, tmp_path: Path) -> None:
        text = page.write(both, tmp_path / "page.html").read_text("utf-8")
        root = page_of(text)
        players = root.all("audio")
        assert len(players) == len(root.all("img")) == 6 * 3 + 6 * 2 * 2
        assert all(one["src"].startswith("data:audio/wav;base64,") for one in players)
        long = f"sounds of {HEARD / RATE:.3g} s"
        assert all(part in root.text for part in ("× real time", "diversity", long, "real sounds"))
        assert "picture" not in root.text and not any("picture" in one["alt"] for one in root.all("img"))
        assert len(text) < 3_000_000

    def test_names_are_text(self, both: Comparison, tmp_path: Path) -> None:
        rows = [replace(row, run=f"{EVIL}{i}") for i, row in enumerate(both.rows)]
        assert both.labels is not None
        labels = [EVIL + str(label) for label in both.labels]
        behind = {rows[1].run: both.behind[both.rows[1].run]}
        odd = replace(both, rows=rows, labels=labels, notes=[EVIL], behind=behind, likeliest=None)
        root = page_of(page.write(odd, tmp_path / "page.html").read_text("utf-8"))
        plain = page_of(page.write(both, tmp_path / "plain.html").read_text("utf-8"))
        heads = [one.inside[0] for one in root.all("h3")]
        assert heads[:5] == ["real", f"{EVIL}0", f"{EVIL}1", f"{EVIL}0", f"{EVIL}1"]
        of_class, of_class_plain = (
            [one.text for one in found.all("figcaption") if one.text.removeprefix(EVIL) in both.labels]
            for found in (root, plain)
        )
        assert of_class == [EVIL + name for name in of_class_plain] and len(of_class) > 6
        assert len(root.all("audio")) == len(plain.all("audio")) and times(root, EVIL) > 40
        assert not {name for one in root.walk() for name in one.attributes if name.startswith("on")}

    def test_likelihoods_of_different_things_arent_compared(self, both: Comparison, run: Path) -> None:
        protocol = protocol_for(zh.load(run), 10_000)
        rows = [both.rows[0], replace(both.rows[1], representation="waves, 512")]
        mixed = compared(rows, protocol)
        assert mixed.likeliest is None and mixed.likelihood_behind == {}
        assert any(note.endswith("waves, 512, so they aren't compared") for note in mixed.notes)

    def test_what_cant_be_compared(self, run: Path, folder: Path, tmp_path: Path) -> None:
        zh.VAE(**{**VAE, "max_steps": 1}, codec=MelCodec(rate=1000)).fit(folder, out=tmp_path / "slow")
        with pytest.raises(ZaohuaError, match="sounds of 2,000 Hz, as long as nearly all, .* sounds of 1,000 Hz"):
            compare([run, tmp_path / "slow"])


def test_figures_stand_in_the_history(folder: Path) -> None:
    model = zh.VAE(**{**VAE, "max_steps": 4, "validation_fraction": 0.3})
    model.fit(folder, True, callbacks=[Evaluator(2, samples=24)])
    records = [record for record in model.history_ if "frechet" in record]
    assert [record["step"] for record in records] == [2, 4]
    assert all({"precision", "recall", "accuracy"} < set(record) for record in records)

"""Evaluation: what is measured by what, how it is kept, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests.trainings import reloaded

import zaohua as zh
from zaohua.core.errors import CheckpointError, ZaohuaError
from zaohua.core.noise import BatchNoise, derive_seed
from zaohua.evaluation import summaries
from zaohua.evaluation.figures import fraction_figure
from zaohua.evaluation.measures import MEASURES
from zaohua.evaluation.results import FLOOR, NAIVE, Evaluation, load
from zaohua.evaluation.splits import Pictures
from zaohua.metrics.frechet import frechet_distance
from zaohua.modalities.images import evaluation as images
from zaohua.modalities.images.evaluation import ImageProtocol
from zaohua.storage.atomic import to_bytes, write_folder
from zaohua.tasks.evaluation import cost
from zaohua.tasks.evaluation.compare import compare
from zaohua.tasks.evaluation.evaluate import evaluate, score_note
from zaohua.tasks.evaluation.history import Evaluator
from zaohua.tasks.evaluation.protocols import splits_of


class OddCodec:
    """A codec of no registered kind of data."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a mixture on the digits."""
    folder = tmp_path_factory.mktemp("runs") / "gmm"
    zh.GMM(n_components=3, random_state=0).fit("digits", True, out=folder)
    return folder


@pytest.fixture(scope="module")
def found(run: Path) -> Evaluation:
    """What is found of it."""
    evaluation = evaluate(zh.load(run), run=run)
    evaluation.save(run)
    return evaluation


class TestSplits:
    def test_of_a_named_set_the_test_split_is_taken(self, run: Path) -> None:
        splits = splits_of(zh.load(run))
        assert (splits.data, splits.split, len(splits.train), len(splits.test)) == ("digits", "test", 1500, 297)
        assert splits.test.values.dtype == np.uint8 and splits.test.values.max() == 255  # 16 went in
        assert splits.test.labels == zh.read("digits", True, split="test")[1]

    def test_a_folder_with_a_test_split(self, tmp_path: Path) -> None:
        for split, count in (("train", 30), ("test", 12)):
            _pictures(tmp_path / split, count)
        splits = splits_of(zh.Gaussian().fit(tmp_path))
        assert (splits.split, len(splits.train), len(splits.test)) == ("test", 30, 12)

    def test_labels_that_were_never_learnt(self, tmp_path: Path) -> None:
        for label, split, count in (("a", "train", 6), ("b", "train", 6), ("a", "test", 4), ("c", "test", 3)):
            _pictures(tmp_path / split / label, count)
        model = zh.Gaussian().fit(tmp_path, y=True)
        message = r"3 of 7 test items have labels that this Gaussian never learnt \(c\): take them away"
        with pytest.raises(ZaohuaError, match=message):
            splits_of(model)
        assert len(splits_of(model, tmp_path / "test" / "a").test) == 4

    def test_without_one_what_training_held_out(self, tmp_path: Path) -> None:
        _pictures(tmp_path, 40)
        model = zh.VAE(**{**zh.VAE.tiny, "max_steps": 2}, validation_fraction=0.25, random_state=3).fit(tmp_path)
        splits = splits_of(model)
        assert (splits.split, len(splits.train), len(splits.test)) == ("validation", 30, 10)
        together = np.concatenate([splits.train.values, splits.test.values]).reshape(40, -1)
        assert len(np.unique(together, axis=0)) == 40
        with pytest.raises(ZaohuaError, match="has no test split"):
            splits_of(model, split="test")

    def test_of_many_pictures_some_are_looked_at_and_none_that_was_learnt_is_held_out(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _pictures(tmp_path, 40)
        model = zh.VAE(**{**zh.VAE.tiny, "max_steps": 2}, validation_fraction=0.4, random_state=3).fit(tmp_path)
        held, learnt = model.hold_out(40, derive_seed(model.seed_, "split"))
        every = {
            pixels.tobytes(): i
            for i, pixels in enumerate(
                model.codec_.decode(
                    model.codec_.prepare(model.codec_.encode(zh.read(tmp_path)[0])[np.arange(40)], BatchNoise(0, 40))
                )
            )
        }
        monkeypatch.setattr(Pictures, "most", 12)
        splits = splits_of(model)
        test, train = ({every[pixels.tobytes()] for pixels in part.values} for part in (splits.test, splits.train))
        assert len(every) == 40 and (len(test), len(train)) == (12, 12) and test < set(held) and train < set(learnt)

    def test_models_that_held_out_other_pictures_arent_compared(self, tmp_path: Path) -> None:
        _pictures(tmp_path / "data", 100)
        for seed, name in ((0, "a"), (1, "b")):
            model = zh.VAE(**{**zh.VAE.tiny, "max_steps": 2}, validation_fraction=0.4, random_state=seed)
            model.fit(tmp_path / "data", out=tmp_path / name)
        with pytest.raises(ZaohuaError, match=r"a and .*b held out other items: .*data=.*validation_fraction="):
            compare([tmp_path / "a", tmp_path / "b"])

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({}, r"has no test split .*data=\)$"),  # a Gaussian has no validation_fraction that could be advised
            ({"split": "train"}, "would reward copies"),
            ({"data": "."}, "is what the model was trained on"),
            ({"data": "nowhere"}, "neither a file"),
            ({"data": "tinyshakespeare"}, "a data set of texts, and a Gaussian makes images"),
        ],
    )
    def test_what_cant_be_measured_by(
        self, options: Any, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _pictures(tmp_path, 20)
        monkeypatch.chdir(tmp_path)
        with pytest.raises(ZaohuaError, match=message):
            splits_of(zh.Gaussian().fit(tmp_path), **options)

    def test_data_in_memory_must_be_named(self) -> None:
        x = zh.read("digits")[0]
        model = zh.Gaussian().fit(x)
        with pytest.raises(ZaohuaError, match="data in memory"):
            splits_of(model)
        assert len(splits_of(model, data="digits", train="digits").test) == 297

    def test_real_pictures_are_as_the_model_sees_them(self) -> None:
        codec = zh.ImageCodec(binarize="dynamic", size=6)
        model = zh.MADE(**{**zh.MADE.tiny, "max_steps": 1}, codec=codec, random_state=0).fit("digits")
        pixels = splits_of(model).test.values
        assert pixels.shape == (297, 6, 6) and set(np.unique(pixels)) == {0, 255}


class TestEvaluate:
    def test_every_figure_says_what_it_is_of(self, found: Evaluation) -> None:
        assert (found.n, found.split, found.seeds) == (297, "test", (0,)) and "classifier-64" in found.extractor
        others = {
            "bits_per_byte",
            "nats_per_note",
            "nats_per_piece",
            "copied",
            "copied_notes",
            "fid",
            "inception_score",
            "log_likelihood",
            "bits_per_dim",
            "tree_score",
            "trend",
            "shape",
            "utility_auc",
            "utility_f1",
            "utility_r2",
            "closest",
            "row_copies",
            "diversity",
            "bits_per_sample",
            "restored_psnr",
            "restored_ssim",
            "restored_gain",
        }
        others |= {name for name, measure in MEASURES.items() if measure.pairs and name != "accuracy"}
        assert set(found.figures) == set(MEASURES) - others
        assert all(figure.n for figure in found.figures.values())
        for figures in (found.figures, *found.references.values()):
            assert all(f.low is None or f.low <= f.value <= f.high for f in figures.values())

    def test_anything_is_better_than_one_gaussian(self, found: Evaluation) -> None:
        naive = found.references[NAIVE]
        for figures in (found.figures, found.references[FLOOR]):
            assert figures["frechet"].high < naive["frechet"].low
        assert len(found.others) == 2 and set(found.recall_by_class) == set("0123456789")

    def test_likelihood_is_the_models_own(self, run: Path, found: Evaluation) -> None:
        x, y = zh.read("digits", True, split="test")
        nats = zh.load(run).score_samples(x, y)
        np.testing.assert_allclose(found.arrays["nats"], nats)
        figure = found.figures["log_density"]  # of 17 levels, as if they were real numbers
        assert figure.value == pytest.approx(nats.mean())
        assert figure.high - figure.value == pytest.approx(1.968 * nats.std(ddof=1) / 297**0.5, rel=1e-3)

    def test_likelihoods_of_discrete_models_are_probabilities(self, tmp_path: Path) -> None:
        model = zh.MADE(**{**zh.MADE.tiny, "max_steps": 1}, random_state=0).fit("digits")
        figures = evaluate(reloaded(model, tmp_path), samples=40).figures
        nats = figures["log_likelihood"]
        assert nats.note == "exact" and "log_density" not in figures and nats.n == 40
        assert figures["bits_per_dim"].value == pytest.approx(-nats.value / np.log(2) / 64)

    def test_it_is_kept_until_the_weights_change(self, run: Path, found: Evaluation, tmp_path: Path) -> None:
        kept = load(run)
        assert kept is not None and kept.to_json() == json.loads(json.dumps(found.to_json()))
        assert np.array_equal(kept.arrays["samples"], found.arrays["samples"])
        (run / "evaluation" / "arrays.npz").write_bytes(b"something else")
        with pytest.raises(CheckpointError, match="damaged"):
            load(run)
        found.save(run)
        model = zh.GMM(n_components=2, random_state=0).fit("digits", True, out=tmp_path / "other")
        found.save(tmp_path / "other")
        assert load(tmp_path / "other") is None and model is not None
        assert load(tmp_path) is None

    def test_evaluations_of_earlier_versions_are_still_used(self, run: Path, found: Evaluation, tmp_path: Path) -> None:
        """They don't say which measure leads, nor what the items are called."""
        runs = [tmp_path / "gmm", tmp_path / "twin"]
        for folder in runs:
            shutil.copytree(run, folder)
            stored = {name: value for name, value in found.to_json().items() if name not in ("lead", "noun")}
            files = {name: (run / "evaluation" / name).read_bytes() for name in ("arrays.npz",)}
            write_folder(folder / "evaluation", {"figures.json": to_bytes(stored), **files})
        kept = load(runs[0])
        assert kept is not None and kept.figures == found.figures and (kept.lead, kept.noun) == ("", "items")
        log: list[str] = []
        both = compare(runs, log=log.append)
        assert not any(line.startswith("measuring /") for line in log)
        assert both.lead == "frechet" and both.noun == "pictures" and both.behind["twin"].value == 0

    def test_the_card_keeps_what_people_wrote(self, run: Path, found: Evaluation) -> None:
        card = run / "README.md"
        card.write_text(card.read_text("utf-8") + "\nMy own words.\n", "utf-8")
        summaries.note_in_card(run, found)
        summaries.note_in_card(run, found)
        text = card.read_text("utf-8")
        assert text.count("- Quality: measured on digits, test") == 1 and "not measured yet" not in text
        assert text.count("FD[classifier-64]: ") == 1 and "My own words." in text and "\n- Privacy" in text

    def test_the_card_knows_whose_it_is(self, found: Evaluation, tmp_path: Path) -> None:
        model = zh.GMM(n_components=1, random_state=0).fit(zh.read("digits")[0][:50], out=tmp_path)
        readme, card = tmp_path / "README.md", tmp_path / "CARD.md"
        assert summaries.note_in_card(tmp_path, found) == readme
        model.save(tmp_path)  # the card with figures is Zaohua's own, too
        assert "not measured yet" in readme.read_text("utf-8") and not card.exists()
        readme.write_text("my own readme\n- Quality: high\n", "utf-8")
        assert summaries.note_in_card(tmp_path, found) == card
        assert "- Quality: measured on digits" in card.read_text("utf-8") and "**GMM**" in card.read_text("utf-8")
        card.write_text("mine", "utf-8")
        assert summaries.note_in_card(tmp_path, found) is None and card.read_text("utf-8") == "mine"
        assert readme.read_text("utf-8") == "my own readme\n- Quality: high\n"

    def test_several_seeds_give_intervals_over_them(self, run: Path) -> None:
        several = evaluate(zh.load(run), samples=60, seeds=3)
        recall = several.figures["recall"]
        assert several.seeds == (0, 1, 2) and recall.low < recall.value < recall.high
        again = evaluate(zh.load(run), samples=60, seeds=3)
        assert again.figures == several.figures

    def test_copies_are_noticed(self, run: Path) -> None:
        model = zh.load(run)
        train = zh.read("digits")[0]
        model.sample = lambda n, *, y=None, random_state=None: train[np.arange(n) + random_state % 7]
        found = evaluate(model)
        assert any("exact copies" in flag for flag in found.flags)
        copied = found.figures["copy_rate"]
        assert copied.value == 1 and "297 exact" in copied.note and "p < 0.0001" in copied.note
        assert any("the model copies" in flag for flag in found.flags)  # a p below .001 is always told

    def test_collapse_and_few_samples_are_flagged(self, run: Path) -> None:
        model = zh.load(run)
        model.sample = lambda n, *, y=None, random_state=None: np.full((n, 8, 8), 7, np.uint8)
        found = evaluate(model, samples=50)
        assert any("samples are the same" in flag for flag in found.flags)
        assert any("too few for a covariance" in flag for flag in found.flags)

    def test_fid_is_only_said_of_inception(self, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """With a network in place of Inception that gives known features: FID is their Fréchet distance."""

        class Network:
            name, hash = "inception-2015", "12345678"

            def features(self, images: np.ndarray) -> np.ndarray:
                return images.reshape(len(images), -1)[:, 20:30].astype(float)

            def classify(self, features: np.ndarray) -> np.ndarray:
                return np.full((len(features), 4), 0.25)

        monkeypatch.setattr(images.Inception, "load", lambda path: Network())
        found = evaluate(zh.load(run), inception="weights.safetensors")
        test = splits_of(zh.load(run)).test.values
        expected = frechet_distance(Network().features(found.arrays["samples"]), Network().features(test))
        assert found.figures["fid"].value == pytest.approx(expected) and found.figures["fid"].note == "12345678"
        assert found.figures["inception_score"].value == 1 and "fid" in found.references[FLOOR]
        assert "FID: " in "".join(summaries.summary_lines(found))

    def test_refusals(self, run: Path) -> None:
        with pytest.raises(ZaohuaError, match="at least 12"):
            evaluate(zh.load(run), samples=3)
        odd = zh.ChoraleRNN.__new__(zh.ChoraleRNN)
        odd.codec_ = OddCodec()
        message = "measures images, .* texts, .* one size; ChoraleRNN is a ChoraleRNN, of items of OddCodec"
        with pytest.raises(ZaohuaError, match=message):
            evaluate(odd)

    def test_kinds_of_scores(self) -> None:
        assert score_note(zh.VAE(score_importance_samples=50)) == "IWAE-50"
        assert score_note(zh.VAE(score_importance_samples=1)) == "bound"
        assert score_note(zh.MADE()) == "exact" and score_note(zh.R3GAN()) == "n/a"


@pytest.mark.parametrize(("sampler", "calls"), [("euler", 5), ("heun", 9)])
def test_network_evaluations_are_counted(sampler: str, calls: int) -> None:
    flow = zh.Flow(**{**zh.Flow.tiny, "max_steps": 1}, random_state=0).fit("digits")
    flow.set_params(steps=5, sampler=sampler)
    assert cost.evaluations(flow) == calls
    made = zh.MADE(**{**zh.MADE.tiny, "max_steps": 1}, random_state=0).fit("digits")
    assert cost.evaluations(made) == 64 and "step" not in vars(made.nets_["net"])


def test_samples_dont_depend_on_their_number(run: Path) -> None:
    model = zh.load(run)
    few, many = (np.concatenate(cost.sample(model, n, None, 5)[0]) for n in (256, 300))
    assert np.array_equal(few, many[:256]) and not np.array_equal(many[:44], many[256:])


def test_wilsons_interval() -> None:
    from scipy.stats import binomtest

    exact = binomtest(30, 200).proportion_ci(method="wilson")
    figure = fraction_figure(0.15, 200)
    assert (figure.low, figure.high) == pytest.approx((exact.low, exact.high))


class TestCompare:
    def test_a_clear_winner(self, run: Path, found: Evaluation, tmp_path: Path) -> None:
        other = tmp_path / "gaussian"
        zh.Gaussian(random_state=0).fit("digits", None, out=other)
        both = compare([other, run])
        assert [row.run for row in both.rows] == ["gmm", "gaussian"] and both.winner == "gmm"
        assert both.behind["gaussian"].low > 0
        assert both.likeliest is None  # densities of pixels aren't probabilities
        assert load(other) is not None and "Quality: measured" in (other / "README.md").read_text("utf-8")

    def test_a_model_doesnt_beat_itself(self, run: Path, found: Evaluation, tmp_path: Path) -> None:
        """The same model trained again with the same settings: no winner may be called."""
        zh.GMM(n_components=3, random_state=0).fit("digits", True, out=tmp_path / "twin")
        twins = compare([run, tmp_path / "twin"])
        assert twins.winner is None

    def test_what_cant_be_compared(self, run: Path, tmp_path: Path) -> None:
        with pytest.raises(ZaohuaError, match="at least two different runs"):
            compare([run, run])
        small = zh.Gaussian(codec=zh.ImageCodec(size=6)).fit("digits", out=tmp_path / "small")
        with pytest.raises(ZaohuaError, match="8 x 8 .* 6 x 6"):
            compare([run, tmp_path / "small"])
        assert small is not None
        _pictures(tmp_path / "photos", 30)
        zh.Gaussian().fit(tmp_path / "photos", out=tmp_path / "photos-run")
        zh.Gaussian().fit(zh.read("digits")[0], out=tmp_path / "memory")
        with pytest.raises(ZaohuaError, match="learnt from digits, .*data in memory"):
            compare([run, tmp_path / "memory"])
        with pytest.raises(ZaohuaError, match="can't be compared"):
            compare([run, tmp_path / "photos-run"])
        zh.CharRNN(**{**zh.CharRNN.tiny, "max_steps": 2}).fit(["some text " * 50], out=tmp_path / "texts")
        with pytest.raises(ZaohuaError, match="makes pictures of .* texts: they can't be compared"):
            compare([run, tmp_path / "texts"])


class TestHistory:
    def test_figures_stand_in_the_history(self) -> None:
        model = zh.VAE(**{**zh.VAE.tiny, "max_steps": 20}, validation_fraction=0.2, random_state=0)
        model.fit("digits", True, callbacks=[Evaluator(10, samples=50)])
        records = [record for record in model.history_ if "frechet" in record]
        assert [record["step"] for record in records] == [10, 20]
        assert all({"precision", "recall", "accuracy"} < set(record) for record in records)
        without = zh.VAE(**{**zh.VAE.tiny, "max_steps": 20}, validation_fraction=0.2, random_state=0).fit(
            "digits", True
        )
        assert all(
            torch.equal(a, b)
            for a, b in zip(model.nets_.state_dict().values(), without.nets_.state_dict().values(), strict=True)
        )

    def test_it_needs_pictures_held_out(self) -> None:
        with pytest.raises(ZaohuaError, match="give a share, such as validation_fraction=0.05"):
            zh.VAE(**zh.VAE.tiny).fit("digits", callbacks=[Evaluator(10)])
        with pytest.raises(ZaohuaError, match="makes texts"):
            zh.CharRNN(**zh.CharRNN.tiny).fit(["some text " * 50], callbacks=[Evaluator(10)])
        with pytest.raises(ZaohuaError, match="at least 1"):
            Evaluator(0)


def test_texts(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("the cat sat on the mat. " * 60)
    (tmp_path / "new.txt").write_text("the mat sat on the cat. " * 9)
    model = zh.CharRNN(**{**zh.CharRNN.tiny, "max_steps": 5, "max_tokens": 40}, random_state=0)
    model.fit(tmp_path / "train.txt", out=tmp_path / "run")
    assert evaluate(zh.load(tmp_path / "run"), samples=300).split == "validation"
    found = evaluate(zh.load(tmp_path / "run"), data=tmp_path / "new.txt", samples=300)
    assert found.n == 3 and set(found.figures) == {"bits_per_byte", "copied"}
    assert found.figures["bits_per_byte"].value == pytest.approx(
        model.bits_per_byte([(tmp_path / "new.txt").read_text()]), rel=1e-5
    )
    found.save(tmp_path / "run")
    assert load(tmp_path / "run").figures == found.figures
    summaries.note_in_card(tmp_path / "run", found)
    card = (tmp_path / "run" / "README.md").read_text("utf-8")
    assert "  - bits per byte: " in card and "  - copied of real texts: " in card


def test_texts_with_a_test_split(tmp_path: Path) -> None:
    """Copies are the share of characters in runs of 30 or more, of samples as of test texts; seeds give intervals."""
    text = "the cat sat on the mat. " * 60
    for split, content in (("train", text), ("test", text[:240] + text[:240][::-1])):
        (tmp_path / split).mkdir()
        (tmp_path / split / "a.txt").write_text(content)
    model = zh.CharRNN(**{**zh.CharRNN.tiny, "max_steps": 2, "max_tokens": 40}, random_state=0).fit(tmp_path)
    model = reloaded(model, tmp_path.parent / "run")
    model.sample = lambda n, *, y=None, random_state=None: [text[:480] if random_state % 2 else "?" * 480] * n
    found = evaluate(model, samples=100)
    assert (found.modality, found.split, found.lead, found.noun) == ("texts", "test", "bits_per_byte", "texts")
    assert found.n == 1 and found.figures["copied"].value in (0.0, 1.0)
    assert found.references["real texts"]["copied"].value == pytest.approx(0.5, abs=0.05)
    assert found.figures["copied"].n == found.references["real texts"]["copied"].n == 480
    several = evaluate(model, samples=100, seeds=4).figures["copied"]
    assert several.low is not None and several.low <= several.value <= several.high
    with pytest.raises(ZaohuaError, match="--target isn't for models of texts"):
        evaluate(model, target="a")


def test_too_few_pictures(tmp_path: Path) -> None:
    for split in ("train", "test"):
        _pictures(tmp_path / split, 5)
    with pytest.raises(ZaohuaError, match="5 real pictures are too few"):
        ImageProtocol(splits_of(zh.Gaussian().fit(tmp_path)))


def _pictures(folder: Path, count: int) -> None:
    """Some random pictures of 8 x 8 pixels, the next ones in each folder."""
    folder.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(sum(map(ord, folder.name)))
    for i in range(count):
        Image.fromarray(draw.integers(0, 256, (8, 8), np.uint8)).save(folder / f"{i:03d}.png")


def test_heads_drawn_one_after_another_are_counted() -> None:
    rows = np.random.default_rng(0).normal(size=(60, 3))
    model = zh.TabAR(**{**zh.TabAR.tiny, "max_steps": 2}, random_state=0).fit(rows)
    assert cost.evaluations(model) == cost.evaluations(model) == 3

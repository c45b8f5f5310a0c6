from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import safetensors
import safetensors.torch
import torch
from sklearn.datasets import load_digits

from zaohua.core.errors import CheckpointError, ZaohuaError
from zaohua.metrics.extractor import WIDTH, Classifier


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    data = load_digits()
    return (data.images * 255 / 16).astype(np.uint8), data.target


@pytest.fixture(scope="module")
def classifier(digits: tuple[np.ndarray, np.ndarray]) -> Classifier:
    images, labels = digits
    return Classifier.train(images[:1400], labels[:1400])


def test_recognises_held_out_digits(classifier: Classifier, digits: tuple[np.ndarray, np.ndarray]):
    images, labels = digits
    assert classifier.accuracy(images[1400:], labels[1400:]) > 0.93


def test_features_do_not_depend_on_batch_or_order(classifier: Classifier, digits: tuple[np.ndarray, np.ndarray]):
    images = digits[0][:300]
    together = classifier.features(images)
    assert together.shape == (300, WIDTH) and together.dtype == np.float64
    np.testing.assert_allclose(classifier.features(images[:7]), together[:7], atol=1e-5)
    np.testing.assert_allclose(classifier.features(images[::-1]), together[::-1], atol=1e-5)


def test_same_seed_same_extractor_and_no_trace_in_the_global_state(digits: tuple[np.ndarray, np.ndarray]):
    images, labels = digits[0][:200], digits[1][:200]
    before = torch.get_rng_state()
    first, second = (Classifier.train(images, labels, min_items=400).hash for _ in range(2))
    other = Classifier.train(images, labels, min_items=400, random_state=1).hash
    assert first == second != other
    assert torch.equal(before, torch.get_rng_state())


def test_colour_names_and_sizes_that_are_not_square():
    images = np.random.default_rng(0).integers(0, 256, (40, 20, 28, 3)).astype(np.uint8)
    labels = ["boot", "bag"] * 20
    classifier = Classifier.train(images, labels, min_items=40)
    assert set(classifier.predict(images)) <= {"boot", "bag"}
    with pytest.raises(ZaohuaError, match="did you mean 'boot'"):
        classifier.accuracy(images, ["boots"] * 40)


def test_refuses_what_is_no_picture(classifier: Classifier):
    with pytest.raises(ZaohuaError, match="images must be"):
        classifier.features(np.zeros((3, 4)))
    with pytest.raises(ZaohuaError, match="20 x 8 with 3 channels, but the .* for 8 x 8 with 1 channel$"):
        classifier.features(np.zeros((2, 8, 20, 3), np.uint8))


def test_probabilities_agree_with_predictions(classifier: Classifier, digits: tuple[np.ndarray, np.ndarray]):
    images = digits[0][:50]
    p = classifier.probabilities(images)
    assert p.shape == (50, 10) and p.dtype == np.float64
    np.testing.assert_allclose(p.sum(1), 1, rtol=1e-12)
    assert [classifier.classes[i] for i in p.argmax(1)] == classifier.predict(images)
    with torch.no_grad():
        x = torch.from_numpy(images).float()[:, None] / 255 * 2 - 1
        np.testing.assert_allclose(p, classifier.network(x).softmax(1), atol=1e-5)


def test_accuracy_by_class_averages_to_the_accuracy(classifier: Classifier, digits: tuple[np.ndarray, np.ndarray]):
    images, labels = digits[0][1400:], digits[1][1400:].copy()
    labels[labels == 3] = 4  # all of which are then wrong
    by = classifier.accuracy_by_class(images, labels)
    assert sorted(by) == [0, 1, 2, 4, 5, 6, 7, 8, 9] and by[4] < 0.6 < by[0]
    assert sum(by[label] for label in labels) / len(labels) == pytest.approx(classifier.accuracy(images, labels))
    with pytest.raises(ZaohuaError, match="2 images but 1 labels"):
        classifier.accuracy(images[:2], [1])


def test_what_is_saved_comes_back(classifier: Classifier, digits: tuple[np.ndarray, np.ndarray], tmp_path: Path):
    path = tmp_path / "new" / "digits.safetensors"
    classifier.save(path)
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    loaded = Classifier.load(path)
    assert loaded.hash == classifier.hash and loaded.classes == classifier.classes
    np.testing.assert_array_equal(loaded.features(digits[0][:9]), classifier.features(digits[0][:9]))
    assert loaded.predict(digits[0][:9]) == classifier.predict(digits[0][:9])


def test_no_damage_goes_unnoticed(classifier: Classifier, tmp_path: Path):
    path = tmp_path / "digits.safetensors"
    classifier.save(path)
    whole = path.read_bytes()
    places = [0, 9, 300, whole.index(b"classes") + 15, len(whole) // 2, len(whole) - 1]
    damaged = [whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :] for place in places]
    for data in [*damaged, b"", whole[:100], whole[:-5]]:
        path.write_bytes(data)
        with pytest.raises(CheckpointError, match="digits.safetensors") as error:
            Classifier.load(path)
        assert "\n" not in str(error.value)
    with pytest.raises(CheckpointError, match="nowhere"):
        Classifier.load(tmp_path / "nowhere")


@pytest.mark.parametrize("header", [None, {"zaohua": "[" * 100_000}, {"zaohua": "3"}, {"zaohua": '{"format": 2}'}])
def test_refuses_files_that_others_wrote(header: dict[str, str] | None, tmp_path: Path):
    path = tmp_path / "other.safetensors"
    safetensors.torch.save_file({"x": torch.zeros(3)}, path, header)
    newer = bool(header) and "format" in str(header)
    with pytest.raises(CheckpointError, match="newer version" if newer else "isn't a saved"):
        Classifier.load(path)


def test_is_trained_once_for_each_data_and_seed(
    digits: tuple[np.ndarray, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    trained = []
    train = Classifier.train.__func__
    monkeypatch.setattr(
        Classifier,
        "train",
        classmethod(lambda cls, *a, **k: trained.append(1) or train(cls, *a, **{**k, "min_items": 50})),
    )
    images, labels = digits[0][:50], digits[1][:50]

    def made(*data: object, seed: int = 0, **more: int) -> int:
        before = len(trained)
        Classifier.cached(*data, tmp_path, random_state=seed, **more)
        return len(trained) - before

    other = images.copy()
    other[3, 3, 3] ^= 1
    assert [made(images, labels), made(images, list(labels)), made(images, labels, seed=1)] == [1, 0, 1]
    assert [made(other, labels), made(images, labels[::-1]), made(images, [str(i) for i in labels])] == [1, 1, 1]
    assert [made(images, labels, min_items=n) for n in (20_000, 80_000, 80_000)] == [0, 1, 0]
    assert Classifier.cached(images, labels, tmp_path).hash == Classifier.cached(images, labels, tmp_path).hash
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:-1])
    assert [made(images, labels), made(images, labels)] == [1, 0]
    with pytest.raises(ZaohuaError, match="labels must be strings or numbers"):
        Classifier.cached(images, [(1, 2)] * 50, tmp_path)

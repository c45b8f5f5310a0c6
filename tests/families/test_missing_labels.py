"""Labels that may be missing: guided models learn such items unconditionally, others refuse them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import zaohua as zh
from tests.test_contract import MODELS, data_of, make
from tests.trainings import Killed, at_step, kill
from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import DataNote
from zaohua.core.record import Record
from zaohua.families.guidance import Guided

N = 24
GUIDED = [(name, kind) for name, kind in MODELS if issubclass(getattr(zh, name), Guided) and kind != "waves"]
"""Guided models, on the first kind of data that each takes."""


def partly() -> list[Any]:
    """Labels of N items, of which every third has one."""
    return [("a", "b")[i // 3 % 2] if i % 3 == 0 else None for i in range(N)]


def model_of(name: str, **settings: Any) -> Any:
    model = make(name)
    if "max_steps" in model.get_params():
        settings = {"max_steps": 2, "batch_size": 8, **settings}
    return model.set_params(**settings)


@pytest.mark.parametrize(("name", "kind"), GUIDED, ids="-".join)
def test_guided_models_learn_items_without_labels(name: str, kind: str):
    X, _ = data_of(name, kind)
    with pytest.warns(DataNote, match="16 of 24 items have no label"):
        model = model_of(name).fit(X[:N], partly())
    assert model.y_codec_.counts_ == [4, 4]
    assert len(model.sample(3, y=["a", None, "b"], random_state=0)) == 3
    if hasattr(model, "score_samples"):
        scores = model.score_samples(X[:3], ["a", None, "b"])
        np.testing.assert_allclose(scores[[0, 2]], model.score_samples(X[:3], ["a", "a", "b"])[[0, 2]], atol=1e-4)
        np.testing.assert_allclose(scores[1], model.score_samples(X[:3])[1], atol=1e-4)  # summed over the labels


@pytest.mark.parametrize("name", ["VAE", "DCGAN", "ProductMixture", "TVAE"])
def test_models_without_guidance_refuse_them(name: str):
    X, _ = data_of(name, next(kind for other, kind in MODELS if other == name))
    with pytest.raises(ZaohuaError, match=f"16 of 24 items have no label, and {name} needs one for each"):
        model_of(name).fit(X[:N], partly())


def test_a_model_without_guidance_cannot_sample_without_a_label():
    X, _ = data_of("VAE", "images")
    model = model_of("VAE").fit(X[:N], ["a", "b"] * (N // 2))
    with pytest.raises(ZaohuaError, match="1 of 2 items have no label"):
        model.sample(2, y=["a", None])


def flow(**settings: Any) -> zh.Flow:
    return model_of("Flow", condition_dropout=0.0, **settings)


def images() -> np.ndarray:
    return data_of("Flow", "images")[0][:N]


@pytest.mark.filterwarnings("ignore::zaohua.core.notes.DataNote")
def test_the_networks_see_missing_labels_as_hidden_ones():
    model = flow().fit(images(), partly())
    hidden = model.prepare_conditions(torch.tensor([0, -1, 1]), None)
    assert isinstance(hidden, Record) and hidden.present[""].tolist() == [True, False, True]
    x, t = torch.randn(3, *model.spec_.tensor_shape), torch.full((3,), 0.5)
    net = model.nets_["net"]
    alone = net(x, t, torch.tensor([0, 0, 1]), torch.tensor([True, False, True]))
    torch.testing.assert_close(net(x, t, hidden), alone)
    torch.testing.assert_close(net(x, t, hidden)[1:2], net(x[1:2], t[1:2], None))


@pytest.mark.filterwarnings("ignore::zaohua.core.notes.DataNote")
def test_only_items_without_labels_teach_the_null_token():
    def null(y: list[Any], **settings: Any) -> torch.Tensor:
        model = flow(**{"max_steps": 6, "learning_rate": 0.1, "weight_decay": 0.0, **settings}).fit(images(), y)
        return next(tensor for name, tensor in model.tensors().items() if name.endswith("null"))

    untrained = null(partly(), learning_rate=1e-30)
    torch.testing.assert_close(null(["a", "b"] * (N // 2)), untrained)
    assert not torch.allclose(null(partly()), untrained)


@pytest.mark.filterwarnings("ignore::zaohua.core.notes.DataNote")
def test_a_run_with_missing_labels_resumes_exactly(tmp_path: Path):
    options = {"max_steps": 6, "checkpoint_every": 2, "random_state": 3}
    whole = flow(**options).fit(images(), partly())
    with pytest.raises(Killed):
        flow(**options).fit(images(), partly(), out=tmp_path / "run", callbacks=[at_step(4, kill)])
    again = zh.load(tmp_path / "run").resume(tmp_path / "run", images(), partly())
    for name, tensor in whole.tensors().items():
        assert torch.equal(tensor, again.tensors()[name]), name
    with pytest.raises(ZaohuaError, match="labels"):
        zh.load(tmp_path / "run").resume(tmp_path / "run", images(), [label or "a" for label in partly()])


@pytest.mark.filterwarnings("ignore::zaohua.core.notes.DataNote")
def test_fine_tuning_takes_items_without_labels():
    model = flow().fit(images(), partly()).finetune(images(), [None] * 20 + ["a"] * 4, max_steps=1)
    assert model.y_codec_.classes_ == ["a", "b"]


# ---- files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures in two classes, and others in a folder without a label."""
    for number, image in enumerate(np.random.default_rng(0).integers(0, 256, (12, 8, 8)).astype(np.uint8)):
        place = tmp_path / "photos" / ("cat", "dog", "unlabelled")[number % 3]
        place.mkdir(parents=True, exist_ok=True)
        zh.write([image], place / f"{number}.png")
    return tmp_path / "photos"


def test_a_folder_of_pictures_without_a_label_is_told_by_its_name(folder: Path):
    with pytest.warns(DataNote, match=r"4 of 12 items have no label: learnt without one"):
        model = flow().fit(folder, True)
    assert model.y_codec_.classes_ == ["cat", "dog"] and model.n_items_ == 12
    with pytest.warns(DataNote, match=r"left out 4 of 12 images, which have no label \(unlabelled/\)"):
        items, labels = zh.read(folder, True)
    assert len(items) == 8 and set(labels) == {"cat", "dog"}


def test_an_empty_cell_of_a_table_of_pictures_is_a_missing_label(folder: Path, tmp_path: Path):
    rows = [f"photos/{path.relative_to(folder)},{'' if path.parent.name == 'unlabelled' else path.parent.name}"
            for path in sorted(folder.rglob("*.png"))]  # fmt: skip
    (tmp_path / "pairs.csv").write_text("\n".join(["image,kind", *rows]) + "\n")
    with pytest.warns(DataNote, match="4 of 12 items have no label"):
        model = flow().fit(tmp_path / "pairs.csv", True)
    assert model.y_codec_.counts_ == [4, 4]
    with pytest.warns(DataNote, match="left out 4 rows"):  # as models without guidance need
        vae = model_of("VAE").fit(tmp_path / "pairs.csv", True)
    assert vae.n_items_ == 8

"""Train and save the golden runs: `python -m tests.golden.make [NAME ...]`, from the root of the project.

They are what version 0.1.0 saved before its fields and classes were renamed. Don't make them anew when a test of them
fails: that test says that a run saved by an earlier version isn't read any more, and it is the reading that is to be
mended. Add new ones beside them. What they were asked for (`*.json`) is what that version answered, too.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

import zaohua as zh
from tests.golden.items import LABELS, MAKERS, first, plain_all

RUNS = Path(__file__).parent / "runs"
SCORED, SAMPLED = 4, 4


@dataclass(frozen=True)
class Case:
    """How a run was made.

    Attributes:
        model: its class.
        data: a name of `MAKERS`.
        fields: settings beside the class's `tiny` ones.
        labelled: whether it learns from labels.
        pictures: whether it learns from pictures as conditions: the items themselves.
        codec: class and options of its codec, where it isn't the usual one.
        base: the case that it was fine-tuned from.
        kept: whether its folder has history and checkpoint, which training goes on from.
        killed: whether it was killed after its checkpoint.
    """

    model: str
    data: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    labelled: bool = True
    pictures: bool = False
    codec: tuple[str, dict[str, Any]] | None = None
    base: str = ""
    kept: bool = False
    killed: bool = False


ODD = {
    "ema": 0.9,
    "clip_norm": 0.75,
    "decay": "linear",
    "warmup_steps": 1,
    "accumulate": 2,
    "log_every": 4,
    "beta1": 0.85,
    "beta2": 0.95,
    "weight_decay": 0.015,
    "learning_rate": 0.0035,
    "checkpoint_every": 8,
}
"""Settings of training that all differ from the usual ones and from each other."""
SMALL = {"channels": 8}

CASES = {
    "gmm": Case("GMM", "images", labelled=False),
    "gaussian": Case("Gaussian", "images"),
    "gaussian-copula": Case("GaussianCopula", "table"),
    "independent": Case("Independent", "table", labelled=False),
    "product-mixture": Case("ProductMixture", "table", codec=("TableCodec", {"constraints": ("low <= high",)})),
    "normal": Case("Normal", "numbers"),
    "gamma": Case("Gamma", "numbers", labelled=False),
    "kernel-density": Case("KernelDensity", "numbers"),
    "dcgan": Case("DCGAN", "images", {"channels": 4, "ema": 0.5}),
    "r3gan": Case("R3GAN", "images", {"channels": 4}, labelled=False),
    "wavegan": Case("WaveGAN", "sounds"),
    "ctgan": Case("CTGAN", "table"),
    "vae": Case("VAE", "images", {"channels": 4}),
    "vae-sounds": Case("VAE", "sounds", {"channels": 4, "vocoder": False}, codec=("MelCodec", {"rounds": 7})),
    "tvae": Case("TVAE", "table"),
    "vq-vae": Case("VQVAE", "images"),
    "made": Case("MADE", "images", {"hidden": 16}),
    "pixelcnn": Case("PixelCNN", "images"),
    "image-gpt": Case("ImageGPT", "images", labelled=False),
    "gpt": Case("GPT", "texts", {"top_k": 7, "temperature": 0.9, "guidance": 1.5}),
    "gpt-bytes": Case(
        "GPT", "texts", {"fim": 0.5, "style": "gpt2"}, labelled=False, codec=("TextCodec", {"tokenizer": "bytes"})
    ),
    "gpt-chat": Case("GPT", "dialogues", {"lora": 2, "max_steps": 5}, labelled=False, base="gpt-bytes"),
    "char-rnn": Case("CharRNN", "texts"),
    "chorale-rnn": Case("ChoraleRNN", "music"),
    "music-gpt": Case("MusicGPT", "music"),
    "wavenet": Case("WaveNet", "sounds"),
    "tab-ar": Case("TabAR", "table"),
    "ddpm": Case("DDPM", "colours", SMALL),
    "edm": Case("EDM", "images", SMALL, labelled=False, pictures=True),
    "flow": Case("Flow", "images", {**SMALL, "guidance": 1.5}),
    "flow-sounds": Case("Flow", "sounds", SMALL),
    "diffwave": Case("DiffWave", "sounds"),
    "tabflow": Case("TabFlow", "table"),
    "vocoder": Case("Vocoder", "sounds", labelled=False),
    "finished": Case(
        "VAE", "images", {"channels": 4, **ODD, "max_steps": 12, "validation": 0.125, "validate_every": 3}, kept=True
    ),
    "killed": Case("DCGAN", "images", {"channels": 4, **ODD, "max_steps": 12}, labelled=False, kept=True, killed=True),
}


def main(names: list[str]) -> None:
    """Make these runs, or all."""
    for name in names or CASES:
        folder = RUNS / name
        shutil.rmtree(folder, ignore_errors=True)
        make(CASES[name], folder)
        expected = folder.parent / f"{name}.json"
        expected.write_text(json.dumps(behaviour(CASES[name], folder)) + "\n")
        size = sum(path.stat().st_size for path in (*folder.rglob("*"), expected) if path.is_file())
        print(f"{name:<16} {size / 1000:7.0f} kB")


def data_of(case: Case) -> tuple[Any, Any]:
    """Items and conditions."""
    items = MAKERS[case.data]()
    return items, items if case.pictures else LABELS if case.labelled else None


def make(case: Case, folder: Path) -> None:
    """Train as a case says and save to a folder."""
    cls, (items, y) = getattr(zh, case.model), data_of(case)
    fields = {"random_state": 0, **cls.tiny, **case.fields}
    if hasattr(cls, "device"):
        fields |= {"device": "cpu", "precision": "float32"}
    if case.base:
        base = zh.load(RUNS / case.base)
        base.run_ = f"runs/{case.base}"
        base.finetune(items, y, **case.fields).save(folder)
        return
    if case.kept:
        with contextlib.suppress(_Killed):
            cls(**fields).fit(items, y, out=folder, callbacks=[_kill] if case.killed else [])
        (folder / ".lock").unlink()
        for older in sorted((folder / "checkpoints").iterdir())[:-1]:
            shutil.rmtree(older)
        return
    codec = case.codec and getattr(zh, case.codec[0])(**case.codec[1])
    model = cls(**fields, codec=codec).fit(items, y)
    if "vocoder" in getattr(model, "nets_", {}) and case.model != "Vocoder":
        _thin_out(model.nets_["vocoder"])
    model.save(folder)


class _Killed(Exception):
    pass


def _kill(event: Any) -> None:
    if event.kind == "step" and event.step > 8:
        raise _Killed


def _thin_out(net: torch.nn.Module) -> None:
    """Keep one weight of fifty, the largest, of each matrix: 5 MB that are mostly zeros are small in git."""
    for weight in net.parameters():
        if weight.ndim > 1:
            weight[weight.abs() < weight.abs().flatten().quantile(0.98)] = 0


def behaviour(case: Case, folder: Path) -> dict[str, Any]:
    """What a run does: its settings, samples, and scores of the first items; of a kept one, after training on."""
    out = _behaviour(case, zh.load(folder))
    if case.kept:
        again = folder.parent / f".{folder.name}"
        shutil.copytree(folder, again)
        out["resumed"] = _behaviour(case, trained_on(case, again, 16))
        shutil.rmtree(again)
    return out


def trained_on(case: Case, folder: Path, steps: int) -> Any:
    """The model of a kept run, trained up to so many steps."""
    items, y = data_of(case)
    if case.killed:  # the way that people go on with such a one
        from zaohua.cli import main

        np.savez(folder / "data.npz", x=items)
        main(["train", "dcgan", str(folder / "data.npz"), "--out", str(folder), "--resume", "--max-steps", str(steps)])
        return zh.load(folder, device="cpu")
    return zh.load(folder, device="cpu").set_params(max_steps=steps).resume(folder, items, y)


def _behaviour(case: Case, model: Any) -> dict[str, Any]:
    items, y = data_of(case)
    some, conditions = first(items, SCORED), None if y is None else first(y, SCORED)
    out: dict[str, Any] = {
        "settings": [value for name, value in sorted(model.get_params(deep=False).items()) if name != "codec"]
    }
    if hasattr(model, "sample"):
        asked = {} if y is None else {"y": conditions}
        labelled = case.labelled and not case.pictures
        out["samples"] = (
            _each(model, conditions) if labelled else plain_all(model.sample(SAMPLED, random_state=0, **asked))
        )
    if hasattr(model, "score_samples"):
        out["scores"] = model.score_samples(some, conditions).tolist()
    if hasattr(model, "transform"):
        latents = model.transform(some, conditions)
        out["latents"] = latents[:, :8].astype(float).tolist()
        out["decoded"] = plain_all(model.inverse_transform(latents, conditions))
    return out


def _each(model: Any, conditions: Any) -> list[Any]:
    """Samples for conditions, each from a batch that asks for nothing else.

    An item's neighbours don't matter to it. But the densities of before drew other numbers for labels that weren't the
    first of a batch, which was a fault and has been mended.
    """
    return [plain_all(model.sample(SAMPLED, random_state=0, y=[y] * SAMPLED))[i] for i, y in enumerate(conditions)]


if __name__ == "__main__":
    main(sys.argv[1:])

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

from tests.cli.conftest import Said


def test_a_run_is_exported_beside_it_with_options_of_sampling(zaohua: Callable[..., Said], vae: Path) -> None:
    done = zaohua("export", vae, "--to", "torch", "--temperature", "0.5")
    folder = vae.with_name("vae-torch")
    assert done.code == 0 and "times the weights" in done.err and str(folder) in done.err
    assert json.loads((folder / "sampler.json").read_text())["temperature"] == 0.5
    assert zipfile.is_zipfile(folder / "decoder.pt2")


def test_what_is_missing_or_refused_is_told_in_one_line(zaohua: Callable[..., Said], gmm: Path, vae: Path) -> None:
    for arguments, why in (
        (
            [gmm, "--to", "onnx"],
            "a GMM can't be exported with --to onnx: it has no network; of images these can",
        ),
        ([vae], "which format? --to hf or gguf or onnx or torch or lora"),
        ([vae, "--to", "onx"], "unknown format of export 'onx'; did you mean 'onnx'?"),
        ([vae, "--to", "onnx", "--observation-noise"], "only the mean of p(x | z) is exported"),
        ([], "the run comes first"),
    ):
        done = zaohua("export", *arguments)
        assert done.code == 2 and why in done.err and done.err.count("\n") == 1
    assert {"--to", "--out", "--overwrite"} <= set(zaohua("export", "--help").out.replace(",", " ").split())

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

import zaohua
from zaohua import renew
from zaohua.core import registry
from zaohua.core.errors import ZaohuaError
from zaohua.core.primitives import PRIMITIVES
from zaohua.modalities import taken_by
from zaohua.models.gmm import GMM

ROOT = Path(__file__).parents[2]
RENEW = f"run `{renew.COMMAND}`, which writes it anew"


def test_what_is_generated_is_up_to_date():
    entries = renew.build()
    assert registry.INDEX.read_text("utf-8") == renew.index_text(entries), RENEW
    assert renew.STUB.read_text("utf-8") == renew.stub_text(entries), RENEW
    assert renew.HELP.read_text("utf-8") == renew.model_help.text(), RENEW
    assert registry.markdown() in renew.README.read_text("utf-8"), RENEW


def test_renewing_mends_what_is_out_of_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any):
    wanted = {name: getattr(renew, name).read_text("utf-8") for name in ("INDEX", "STUB", "HELP", "README")}
    for name in wanted:
        monkeypatch.setattr(renew, name, tmp_path / name)
    (tmp_path / "INDEX").write_text("[]")  # the stub isn't there at all
    (tmp_path / "README").write_text(wanted["README"].replace("| `vae` |", "| `old` |"))
    renew.main()
    assert {name: (tmp_path / name).read_text("utf-8") for name in wanted} == wanted
    assert capsys.readouterr().out.count("renewed") == 4
    renew.main()
    assert capsys.readouterr().out.count("up to date") == 4


@pytest.mark.parametrize("entry", registry.entries(), ids=lambda entry: entry.command)
def test_what_the_index_says_is_what_the_class_is(entry: registry.Entry):
    cls = getattr(zaohua, entry.name)
    assert (cls.__module__, cls.__name__) == (entry.module, entry.name)
    assert entry.family and entry.summary.endswith(".") and entry.paper
    taken = taken_by(cls.codec_types)
    assert tuple(codec.__name__ for _, codec in taken) == entry.codecs
    assert {name.split(" (")[0] for name in entry.data} == {kind.name for kind, _ in taken}
    assert tuple(dict.fromkeys(kind.name for kind, _ in taken)) == entry.modalities
    assert tuple(p for p in PRIMITIVES if hasattr(cls, p)) == entry.primitives
    assert entry.score_kind == (cls.score_kind if "log_prob" in entry.primitives else "")


def test_an_entry_is_read_from_a_class():
    mixin = type("Mixin", (), {"encode": lambda self, x, y, noise: x})
    body = {
        "__module__": "zaohua.models.better_gmm",
        "__doc__": 'Better.\n\n    Paper: Someone, "A title\n    of two lines", 2017.\n\n    More.\n    ',
        "codec_types": (*GMM.codec_types, zaohua.WaveCodec),  # computed: no literal in the source
    }
    entry = renew.describe(type("BetterGMM", (mixin, GMM), body))
    assert (entry.name, entry.command, entry.module) == ("BetterGMM", "better-gmm", "zaohua.models.better_gmm")
    assert (entry.summary, entry.paper) == ("Better.", 'Someone, "A title of two lines", 2017.')
    gmm = registry.find("gmm")
    assert (entry.family, entry.score_kind, entry.conditional) == (gmm.family, "exact", True)
    assert entry.modalities == (*gmm.modalities, "sounds") and entry.data == (*gmm.data, "sounds (waves)")
    assert entry.primitives == ("draw", "log_prob", "encode") and "encode" not in gmm.primitives


def test_a_class_without_a_docstring_has_no_summary_of_its_parents():
    entry = renew.describe(type("Bare", (GMM,), {"__module__": "zaohua.models.bare"}))
    assert (entry.summary, entry.paper) == ("", "")


@pytest.mark.parametrize(
    ("classes", "told"),
    [
        ((), "none"),
        (("Other",), "Other"),
        (("Better", "Other"), "Better, Other"),
        (("_Better",), "none"),
    ],
)
def test_a_file_of_models_has_one_public_model_of_its_name(classes: tuple[str, ...], told: str):
    module = types.ModuleType("zaohua.models.better")
    module.__file__ = "better.py"
    for name in classes:
        setattr(module, name, type(name, (GMM,), {"__module__": module.__name__}))
    vars(module)["GMM"] = GMM  # imported, not defined there
    with pytest.raises(ImportError, match=f"better.py: a file in models/ defines one public model.*: {told}$"):
        renew.model_of(module)
    better: Any = type("Better", (GMM,), {"__module__": module.__name__})
    assert renew.model_of(types.SimpleNamespace(__name__=module.__name__, Better=better)) is better  # type: ignore


def test_find_takes_any_spelling_and_names_the_nearest():
    for name in ("WGANGP", "wgan-gp", "wgan_gp", "WGAN GP"):
        assert registry.find(name).name == "WGANGP"
    with pytest.raises(ZaohuaError, match="unknown model 'wgan-g'; did you mean 'wgan-gp'"):
        registry.find("wgan-g")


def test_models_with_a_primitive():
    assert {"VAE", "TVAE"} <= {entry.name for entry in registry.models_with("encode")}
    assert "DCGAN" not in {entry.name for entry in registry.models_with("log_prob")}


def test_the_table_is_the_same_in_markdown():
    header, rows = registry.table()
    lines = registry.markdown().splitlines()
    assert len(lines) == len(rows) + 2 == len(registry.entries()) + 2
    assert header == [cell.strip() for cell in lines[0].strip("|").split("|")]
    assert [cell.strip() for cell in lines[2].strip("|").split("|")] == [f"`{rows[0][0]}`", *rows[0][1:]]
    vae = next(row for row in rows if row[0] == "vae")
    assert vae[:6] == ["vae", "vae", "images, sounds", "yes", "yes", "lower bound"]


def test_families_are_in_the_order_in_which_people_learn_them():
    families = list(dict.fromkeys(entry.family for entry in registry.entries()))
    known = len(renew.FAMILIES)
    assert families[:known] == list(renew.FAMILIES) and families[known:] == sorted(families[known:])


def test_names_of_the_package():
    models = {entry.name for entry in registry.entries()}
    others = {
        "load",
        "read",
        "show",
        "ImageCodec",
        "LabelCodec",
        "GenerativeClassifier",
        "__version__",
        "ZaohuaError",
        "ZaohuaWarning",
        "CheckpointError",
        "NotAvailable",
        "datasets",
        "metrics",
        "tasks",
        "registry",
    }
    assert models | others <= set(zaohua.__all__)
    assert len(zaohua.__all__) == len(set(zaohua.__all__)) and dir(zaohua) == sorted(zaohua.__all__)
    for name in zaohua.__all__:
        assert getattr(zaohua, name) is not None
    assert zaohua.LabelCodec is importlib.import_module("zaohua.modalities").LabelCodec
    assert zaohua.metrics is importlib.import_module("zaohua.metrics")
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        zaohua.Nothing  # noqa: B018 (reading it is what is tested)


def test_a_star_takes_all_public_names():
    scope: dict[str, Any] = {}
    exec("from zaohua import *", scope)
    assert set(zaohua.__all__) <= set(scope) and scope["GMM"] is GMM


def test_a_file_that_cannot_be_imported_leaves_the_others_alone(tmp_path: Path):
    """A class constant that is computed, and a mistake: what is known of models comes from the index alone."""
    shutil.copytree(ROOT / "src" / "zaohua", tmp_path / "zaohua", ignore=shutil.ignore_patterns("__pycache__"))
    text = "import zaohua\nfrom zaohua.models.vae import VAE\n"
    text += "class Mine(VAE):\n    codec_types = VAE.codec_types + (zaohua.TextCodec,)\n"
    text += "    codec_types = VAE.codec_types + (zaohua.TextCodec,)\n"
    (tmp_path / "zaohua" / "models" / "mine.py").write_text(text + "raise ValueError('a mistake')\n")

    def python(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env={"PYTHONPATH": str(tmp_path), "PATH": ""},
        )

    shown = python("-m", "zaohua", "models", "--markdown")
    assert (shown.returncode, shown.stdout) == (0, registry.markdown() + "\n")
    assert python("-c", "import zaohua as zh; print(zh.GMM.__name__)").stdout == "GMM\n"
    assert python("-m", "zaohua.renew").stderr.splitlines()[-1] == "ValueError: a mistake"
    assert "mine" not in (tmp_path / "zaohua" / "models" / "_index.json").read_text()
    (tmp_path / "zaohua" / "models" / "mine.py").write_text(text)
    python("-m", "zaohua.renew")
    told = python("-c", "import zaohua as zh; print(zh.registry.find('mine').modalities, zh.Mine.__name__)").stdout
    assert told == f"{('images', 'texts', 'sounds')} Mine\n"

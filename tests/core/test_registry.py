from __future__ import annotations

from pathlib import Path

import pytest

import zaohua
from zaohua.core import registry
from zaohua.core.errors import ZaohuaError
from zaohua.core.primitives import PRIMITIVES

ROOT = Path(__file__).parents[2]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package with two families: one model of each, and one built on another."""
    files = {
        "estimator.py": 'class Base:\n    score_kind = "exact"\n    modalities: tuple = ("images",)\n',
        "families/gan.py": "from fake.estimator import Base\nclass GAN(Base):\n    def draw(self): ...\n",
        "families/vae.py": "import torch\nfrom fake import estimator\nclass Auto(estimator.Base):\n"
        "    score_kind = 'lower_bound'\n    def draw(self): ...\n    def log_prob(self): ...\n",
        "models/wgan_gp.py": "from fake.families.gan import GAN as Parent\nclass _Hidden: ...\nclass Helper: ...\n"
        'class WGANGP(Parent):\n    """Wasserstein.\n\n    Paper: Someone, "A title\n    of two lines", 2017.\n\n'
        '    More.\n    """\n',
        "models/better.py": 'from fake.models.wgan_gp import WGANGP\nclass Better(WGANGP):\n    """Better."""\n'
        "    modalities = ('images', 'sound')\n    def encode(self): ...\n",
        "models/vae.py": 'from fake.families.vae import Auto\nclass VAE(Auto):\n    """Auto."""\n',
        "models/__init__.py": "",
    }
    for name, text in files.items():
        (tmp_path / "fake" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "fake" / name).write_text(text)
    return tmp_path / "fake"


def test_entries_are_read_from_the_source(package: Path):
    entry = registry.find("wgan-gp", package)
    assert (entry.name, entry.module, entry.family) == ("WGANGP", "fake.models.wgan_gp", "gan")
    assert (entry.summary, entry.paper) == ("Wasserstein.", 'Someone, "A title of two lines", 2017.')
    assert (entry.primitives, entry.score_kind, entry.modalities) == (("draw",), "", ("images",))


def test_primitives_and_class_variables_are_inherited(package: Path):
    better, vae = registry.find("better", package), registry.find("vae", package)
    assert (better.family, better.primitives, better.modalities) == ("gan", ("draw", "encode"), ("images", "sound"))
    assert (vae.family, vae.primitives, vae.score_kind) == ("vae", ("draw", "log_prob"), "lower_bound")
    assert [entry.name for entry in registry.models_with("encode", package)] == ["Better"]


def test_find_takes_any_spelling_and_names_the_nearest(package: Path):
    for name in ("WGANGP", "wgan-gp", "wgan_gp", "WGAN GP"):
        assert registry.find(name, package).name == "WGANGP"
    with pytest.raises(ZaohuaError, match="unknown model 'wgan-g'; did you mean 'wgan-gp'"):
        registry.find("wgan-g", package)


def test_a_model_file_without_a_class_is_told(package: Path):
    (package / "models" / "empty.py").write_text("x = 1\n")
    with pytest.raises(ImportError, match="empty.py"):
        registry.entries(package)


def test_the_table_is_the_same_in_markdown(package: Path):
    header, rows = registry.table(package)
    lines = registry.markdown(package).splitlines()
    assert len(lines) == len(rows) + 2
    assert header == [cell.strip() for cell in lines[0].strip("|").split("|")]
    assert "| `vae` | vae | images | yes | yes | lower bound |" in lines[-1]


@pytest.mark.parametrize("entry", registry.entries(), ids=lambda entry: entry.command)
def test_what_the_source_says_is_what_the_class_is(entry: registry.Entry):
    cls = getattr(zaohua, entry.name)
    assert cls.__module__ == entry.module
    assert entry.family and entry.summary.endswith(".") and entry.paper
    assert cls.modalities == entry.modalities
    assert tuple(p for p in PRIMITIVES if hasattr(cls, p)) == entry.primitives
    assert entry.score_kind == (cls.score_kind if "log_prob" in entry.primitives else "")


def test_names_of_the_package():
    assert {"load", "read", "ImageCodec", "LabelCodec", "__version__", "GMM"} <= set(dir(zaohua))
    assert zaohua.read is not None and zaohua.LabelCodec.__name__ == "LabelCodec"
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        zaohua.Nothing  # noqa: B018 (reading it is what is tested)


def test_the_readme_has_the_table():
    readme = ROOT / "README.md"
    assert registry.markdown() in readme.read_text("utf-8"), "renew it with `python -m zaohua models --markdown`"

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
from pathlib import Path

import pytest

import zaohua as zh
from zaohua.tasks import demo, demo_text, report


@pytest.mark.slow
def test_the_demo_trains_measures_and_writes_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    plans = tuple(dataclasses.replace(plan, share=plan.share and 0.5, settings={
        **getattr(zh, zh.registry.find(plan.model).name).tiny, "max_steps": 21} if plan.share else {})
        for plan in demo.PLANS if plan.model in ("gaussian", "gmm", "r3gan", "flow"))
    monkeypatch.setattr(demo, "PLANS", plans)
    monkeypatch.setattr(demo_text, "SETTINGS", {**zh.CharRNN.tiny, "max_steps": 21, "max_tokens": 40})
    study = demo.run(tmp_path, minutes=0.2, watch=lambda name: contextlib.nullcontext(lambda event: None))
    page = report.write(study, tmp_path).read_text("utf-8")
    assert [result.name for result in study.results] == ["real train vs test", "gaussian", "gmm", "r3gan", "flow"]
    floor, naive, gmm = study.results[:3]
    assert floor.frechet < naive.frechet and gmm.accuracy > 0.9 and floor.accuracy > 0.9
    assert page.count("<article") == 4 and page.count("<blockquote>") == 3
    assert page.count("data:image/png") == 6 and page.count("<svg") >= 2
    assert 'href="compare.html"' in page and "<th>recall<small>" in page
    compared = (tmp_path / "compare.html").read_text("utf-8")
    assert "3 models of digits, compared" in compared and "gaussian" not in compared
    assert "$" not in re.sub(r"data:image/png;base64,[^\"]*", "", page)
    assert not re.search(r"(src|href)=\"?https?:", page) and "<script" not in page
    assert json.loads((tmp_path / "results.json").read_text())["n_test"] == 297
    assert 2 < study.writing.bits < 8 and zh.load(tmp_path / "char-rnn").sample(prompt="The ")[0].startswith("The ")
    assert zh.load(tmp_path / "flow").sample(2, y=3).shape == (2, 8, 8)

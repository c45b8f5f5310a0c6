from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from jinja2 import TemplateNotFound, UndefinedError
from markupsafe import Markup
from tests.pages import EVIL, parsed

from zaohua.report import html, numbers, svg
from zaohua.report.sheets import on_black


def template(tmp_path: Path, text: str, name: str = "page.html.jinja") -> Path:
    """A template outside of the package."""
    path = tmp_path / name
    path.write_text(text, "utf-8")
    return path


def test_text_is_escaped_and_html_is_not(tmp_path: Path):
    path = template(tmp_path, '<p title="{{ text }}">{{ text }}</p>{{ inside }}')
    root = parsed(html.render(path, text=EVIL, inside=html.render(path, text="inner", inside=Markup("<hr>"))))
    assert [(one["title"], one.text) for one in root.all("p")] == [(EVIL, EVIL), ("inner", "inner")]
    assert len(root.all("hr")) == 1


def test_templates_find_their_neighbours_and_the_shared_ones(tmp_path: Path):
    template(tmp_path, "<i>{{ name }}</i>", "part.html.jinja")
    path = template(
        tmp_path,
        "{% import 'shared.html.jinja' as shared %}{% call shared.figure(name) %}{% include './part.html.jinja' %}"
        "{% endcall %}",
    )
    figure = parsed(html.render(path, name=EVIL)).one("figure")
    assert figure.one("i").text == figure.one("figcaption").text == EVIL


def test_an_edited_template_is_read_again(tmp_path: Path):
    path = template(tmp_path, "one")
    assert html.render(path) == "one"
    os.utime(template(tmp_path, "two"), ns=(1, 1))
    assert html.render(path) == "two"


def test_what_is_missing_is_an_error(tmp_path: Path):
    with pytest.raises(UndefinedError, match="'name' is undefined"):
        html.render(template(tmp_path, "{{ name }}"))
    for absent in ("absent.html.jinja", tmp_path / "absent.html.jinja"):
        with pytest.raises(TemplateNotFound, match="absent"):
            html.render(absent)


def test_filters(tmp_path: Path):
    path = template(
        tmp_path, "{{ x|number }} {{ '-0.25'|minus }} {{ 1234|whole }} {{ x|percent }} {{ none|percent(0) }}"
    )
    assert html.render(path, x=0.25) == "0.250 −0.25 1,234 25.0% –"
    assert (numbers.whole(None), numbers.whole(-1234), numbers.percent(0.125, 2)) == ("–", "−1,234", "12.50%")


def test_pictures_are_in_the_page(tmp_path: Path):
    path = template(tmp_path, "{% import 'shared.html.jinja' as shared %}{{ shared.picture(shown) }}")
    shown = on_black(np.full((3, 4, 5), 200, np.uint8), 3, EVIL, height=4, gap=2)
    image = parsed(html.render(path, shown=shown)).one("img")
    assert image["src"].startswith("data:image/png;base64,iVBOR") and image["alt"] == EVIL
    assert (image["width"], image["height"]) == (str(3 * 5 + 4 * 2), str(4 + 2 * 2))
    assert html.data_uri(b"RIFF", "audio/wav") == "data:audio/wav;base64,UklGRg=="


def test_elements_of_pictures():
    drawn = svg.picture(10, 5, EVIL, [svg.text(1.25, 2, EVIL, class_="name", text_anchor=None, font_size=9.0)])
    root = parsed(drawn).one("svg")
    assert (root["viewbox"], root["aria-label"]) == ("0 0 10 5", EVIL)
    assert root.one("text").attributes == {"x": "1.2", "y": "2", "class": "name", "font-size": "9.0"}
    assert root.one("text").text == EVIL
    assert svg.element("circle", r=4.5) == '<circle r="4.5"/>'
    assert svg.path([(0, 1), (2.26, 3)], "front") == '<path class="front" d="M0.0,1.0 2.3,3.0"/>'

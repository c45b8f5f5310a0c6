"""Pages as a browser reads them: a tree of elements instead of text."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

EVIL = '<b onclick="x()">&\'$evil{{ 1 }}'
"""A name that would change a page if it weren't escaped."""
VOID = {"meta", "img", "wbr", "link", "br", "input", "hr"}


class Element:
    """An element, or the root of a page."""

    def __init__(self, tag: str, attributes: dict[str, str]):
        self.tag, self.attributes, self.inside = tag, attributes, list[Element | str]()

    def __getitem__(self, attribute: str) -> str:
        return self.attributes[attribute]

    def walk(self) -> Iterator[Element]:
        """All elements inside, in the order of the page."""
        for one in self.inside:
            if isinstance(one, Element):
                yield one
                yield from one.walk()

    def all(self, tag: str, class_: str | None = None) -> list[Element]:
        """The elements inside of a tag, and of a class where one is given."""
        return [
            one
            for one in self.walk()
            if one.tag == tag and (class_ is None or class_ in one.attributes.get("class", "").split())
        ]

    def one(self, tag: str, class_: str | None = None) -> Element:
        """The only element inside of a tag and class."""
        (found,) = self.all(tag, class_)
        return found

    @property
    def text(self) -> str:
        """The text inside but for scripts and styles, with spaces as a browser shows them."""
        return " ".join(self._text().split())

    def _text(self) -> str:
        shown = (one for one in self.inside if isinstance(one, str) or one.tag not in ("script", "style"))
        return "".join(one if isinstance(one, str) else one._text() for one in shown)


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"<{tag}> has an attribute twice"
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].inside.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        self.open[-1].inside.append(data)


def parsed(text: str) -> Element:
    """Read HTML or SVG, every element of which has to be closed in order."""
    parser = _Parser()
    parser.feed(text)
    parser.close()
    assert len(parser.open) == 1, f"<{parser.open[-1].tag}> isn't closed"
    return parser.open[0]


def page_of(text: str) -> Element:
    """Read a whole page, which has to stand alone: it loads nothing, and no name became an element or a script."""
    root = parsed(text)
    for one in root.walk():
        assert not any(name.startswith("on") for name in one.attributes), one.attributes
        for source in (one.attributes[name] for name in ("src", "href") if name in one.attributes):
            local = one.tag == "a" and ":" not in source
            assert local or source.startswith(("data:image/png;base64,", "data:audio/wav;base64,")), source[:80]
        assert (
            "nan" not in " ".join(value for value in one.attributes.values() if not value.startswith("data:")).split()
        )
    assert not root.all("link") and not root.all("iframe")
    for style in root.all("style"):
        assert "url(" not in style.inside[0] and "@import" not in style.inside[0]
    assert all("src" not in script.attributes for script in root.all("script"))
    assert "None" not in root.text and "nan" not in root.text.replace("(", " ").split()
    return root


def times(root: Element, name: str) -> int:
    """How often a name stands in texts and attributes, as it is."""
    return sum(
        sum(one.count(name) for one in element.inside if isinstance(one, str))
        + sum(value.count(name) for value in element.attributes.values())
        for element in (root, *root.walk())
    )

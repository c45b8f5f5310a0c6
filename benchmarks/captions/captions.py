"""Captions of Fashion-MNIST, in English and Chinese, with attributes that are computed from the pictures.

    python benchmarks/captions/captions.py

prints some. A picture is light or dark if its garment's pixels are lighter, or darker, than those of two thirds of the
training pictures of its kind; wide or narrow likewise, by the spread of its pixels along both axes. A caption names at
most one attribute. Of `HELD_OUT` phrasings, and of `COMBINATIONS` of garment and attribute, no caption is learnt from;
pictures of those combinations are, with captions that don't mention it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import zaohua as zh

CHINESE = {
    "t-shirt": "T恤",
    "trouser": "裤子",
    "pullover": "套头衫",
    "dress": "连衣裙",
    "coat": "外套",
    "sandal": "凉鞋",
    "shirt": "衬衫",
    "sneaker": "运动鞋",
    "bag": "包",
    "boot": "靴子",
    "light": "浅色",
    "dark": "深色",
    "wide": "宽",
    "narrow": "窄",
}
ATTRIBUTES = (("dark", "light"), ("narrow", "wide"))
"""Pairs of attributes: below the first third of the training pictures of a garment, and above the second."""
LEARNT = (
    "a photo of a {a}{g}",
    "a {a}{g}",
    "{a}{g}",
    "this is a {a}{g}",
    "the picture shows a {a}{g}",
    "here you see a {a}{g} on black",
    "I would like a {a}{g}, please",
    "somebody sells a {a}{g}",
    "an image with one {a}{g} in it",
    "we found this {a}{g} in the shop",
    "a {g} that looks {w}",
    "{g}, {w}",
    "my new {g}",
    "{g}",
    "一件{a}{g}",
    "这是{a}{g}",
    "{a}{g}。",
    "图片里有一件{a}{g}",
    "我想要{a}{g}",
    "商店里的{a}{g}",
    "{g}，{w}",
    "{g}的照片",
)
HELD_OUT = (
    "show me a {a}{g}",
    "can you draw a {a}{g} for him",
    "a {a}{g} lies on the table",
    "it is a {g}, and it is {w}",
    "she bought a {a}{g} yesterday",
    "照片里是{a}{g}",
    "我的{a}{g}",
    "想要的是一件{a}{g}",
)
"""Phrasings: {g} is the garment, {a} an attribute before it or nothing; those with {w} always name an attribute."""
COMBINATIONS = frozenset(
    {
        ("trouser", "light"),
        ("dress", "wide"),
        ("boot", "light"),
        ("bag", "narrow"),
        ("sandal", "dark"),
        ("coat", "dark"),
        ("pullover", "wide"),
        ("sneaker", "narrow"),
    }
)
"""Combinations of garment and attribute that no caption to learn from names."""
VISIBLE = 25
"""Least grey level of a garment's pixels; the background is 0."""


def is_chinese(text: str) -> bool:
    """Return whether a text has a Chinese character."""
    return any("\u4e00" <= letter <= "\u9fff" for letter in text)


def caption(phrasing: str, garment: str, attribute: str | None = None) -> str:
    """Fill in a phrasing.

    >>> caption("this is a {a}{g}", "boot", "dark"), caption("这是{a}{g}", "boot", "dark"), caption("{g}", "bag")
    ('this is a dark boot', '这是深色的靴子', 'bag')
    """
    chinese = is_chinese(phrasing) or "。" in phrasing or "，" in phrasing
    g, w = (CHINESE[garment], CHINESE.get(attribute or "", "")) if chinese else (garment, attribute or "")
    a = "" if attribute is None else f"{w}的" if chinese else f"{w} "
    return phrasing.format(g=g, w=w, a=a)


def measures(pictures: np.ndarray) -> np.ndarray:
    """Measure lightness and width of pictures uint8 (n, 28, 28): (n, 2), NaN for an empty picture.

    Lightness is the mean grey level of the garment's pixels, width the standard deviation of their columns divided by
    that of their rows.
    """
    there = pictures >= VISIBLE
    count = there.sum((1, 2)).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        lightness = (pictures * there).sum((1, 2)) / count
        spread = []
        for axis in (2, 1):
            of_places = there.sum(3 - axis).astype(float)  # pixels in each column, then in each row
            places = np.arange(of_places.shape[1])
            mean = (of_places * places).sum(1) / count
            spread.append(np.sqrt((of_places * places**2).sum(1) / count - mean**2))
        return np.stack([lightness, spread[0] / spread[1]], 1)


@dataclass(frozen=True)
class Attributes:
    """Thresholds of both measures for each garment: (3, 2) at a third, a half and two thirds of training pictures."""

    thresholds: dict[str, np.ndarray]

    @classmethod
    def of(cls, pictures: np.ndarray, garments: list[str]) -> Attributes:
        """Compute the thresholds of training pictures."""
        values, names = measures(pictures), np.array(garments)
        return cls({g: np.quantile(values[names == g], (1 / 3, 1 / 2, 2 / 3), axis=0) for g in sorted(set(garments))})

    def named(self, pictures: np.ndarray, garments: list[str]) -> list[tuple[str | None, str | None]]:
        """Name both attributes of each picture; None between the thresholds."""
        found = []
        for values, garment in zip(measures(pictures), garments, strict=True):
            low, _, high = self.thresholds[garment]
            found.append(
                tuple(
                    pair[0] if v < a else pair[1] if v > b else None
                    for pair, v, a, b in zip(ATTRIBUTES, values, low, high, strict=True)
                )
            )
        return found

    def followed(self, picture: np.ndarray, garment: str, attribute: str, strict: bool = False) -> bool:
        """Return whether a picture is on the attribute's side of the median of its kind, or strictly in its third."""
        axis = next(i for i, pair in enumerate(ATTRIBUTES) if attribute in pair)
        high = attribute == ATTRIBUTES[axis][1]
        bound = self.thresholds[garment][(2 if high else 0) if strict else 1, axis]
        value = measures(picture[None])[0, axis]
        return bool(value > bound if high else value < bound)


def can_say(phrasing: str, attribute: str | None) -> bool:
    """Return whether a phrasing names this attribute, or none."""
    return "{a}" in phrasing or (attribute is None) == ("{w}" not in phrasing)


def captions_of(
    pictures: np.ndarray,
    garments: list[str],
    attributes: Attributes,
    *,
    plain: float = 0.35,
    seed: int = 0,
    phrasings: tuple[str, ...] = LEARNT,
) -> list[str]:
    """Write a caption of each picture, drawn at random.

    Args:
        pictures: uint8 (n, 28, 28).
        garments: what each shows.
        attributes: thresholds of training pictures.
        plain: share of captions without an attribute, of pictures that have one.
        seed: of the draws.
        phrasings: what to choose from.
    """
    random, texts = np.random.default_rng(seed), []
    for garment, pair in zip(garments, attributes.named(pictures, garments), strict=True):
        sayable = [a for a in pair if a is not None and (garment, a) not in COMBINATIONS]
        attribute = str(random.choice(sayable)) if sayable and random.random() >= plain else None
        texts.append(caption(str(random.choice([p for p in phrasings if can_say(p, attribute)])), garment, attribute))
    return texts


def data(split: str) -> tuple[np.ndarray, list[str]]:
    """Read the pictures and garments of a split."""
    pictures, garments = zh.read("fashion-mnist", True, split=split)
    return pictures, [str(g) for g in garments]


def main() -> None:
    pictures, garments = data("train")
    attributes = Attributes.of(pictures, garments)
    texts = captions_of(pictures, garments, attributes)
    print("\n".join(texts[:40]))
    letters = {letter for text in texts for letter in text}
    unseen = {letter for phrasing in HELD_OUT for letter in phrasing} - letters - set("{}agw")
    print(
        f"{len(set(texts)):,} different captions of {len(texts):,} pictures, {len(letters)} letters; unseen: {unseen}"
    )
    print({g: np.round(t, 2).tolist() for g, t in attributes.thresholds.items()})


if __name__ == "__main__":
    main()

"""Copies: an item that the model makes again was trained on."""

from __future__ import annotations

import numpy as np

from zaohua.metrics.text_overlap import SEPARATOR, text_overlap
from zaohua.modalities.texts.codec import TextCodec
from zaohua.tasks.audit.attack import Access
from zaohua.tasks.audit.space import Space
from zaohua.tasks.audit.subject import Scores, Subject

PASSAGE = 30
"""Characters in a row that a text has in common with samples for them to count."""
ROUNDING = 1e-6
"""Items of real numbers are equal up to this part of the median distance of others to the nearest sample."""


class Copies:
    """Whether a sample equals an item; of texts, how much of it samples repeat word for word."""

    name = "copies"
    access: Access = "samples"
    about = "An item that a sample equals was trained on; a text is as likely as much of it as samples repeat."

    def unable(self, subject: Subject) -> str:
        """Return why copies can't be found."""
        return "" if isinstance(subject.model.codec_, TextCodec) else Space.unable(subject.model)

    def scores(self, subject: Subject) -> Scores:
        """Return 1 for copied items and 0 for others; of texts the fraction in copied passages."""
        if isinstance(subject.model.codec_, TextCodec):
            corpus = [text + SEPARATOR for text in subject.samples]
            members, others = (
                np.array(text_overlap(side.raw, corpus, PASSAGE).fractions)
                for side in (subject.members, subject.others)
            )
            return Scores(members, others)
        members, others = subject.nearness
        rounding = 0.0 if subject.space.sizes is not None else ROUNDING * float(np.median(-others))
        return Scores((-members <= rounding).astype(np.float64), (-others <= rounding).astype(np.float64))

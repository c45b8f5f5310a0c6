"""Interface of attacks: each scores items by whether a model was trained on them."""

from __future__ import annotations

from typing import Literal, Protocol

from zaohua.tasks.audit.subject import Scores, Subject

Access = Literal["samples", "model"]
"""What an attacker has: samples of the model alone, or the model, too."""


class Attack(Protocol):
    """Attack on a model.

    Attributes:
        name: what it goes by, such as "nearest sample".
        access: what an attacker needs for it.
        about: what it does, in a sentence.
    """

    name: str
    access: Access
    about: str

    def unable(self, subject: Subject) -> str:
        """Return why it can't be tried on a model; empty if it can."""
        ...

    def scores(self, subject: Subject) -> Scores:
        """Score the candidates."""
        ...

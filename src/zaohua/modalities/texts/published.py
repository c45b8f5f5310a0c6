"""Codec of models whose weights come from outside: their makers' tokenizer, special tokens and chat template."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Literal, NoReturn, Self

import numpy as np

from zaohua.core.advice import either, option
from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.core.notes import note
from zaohua.core.params import Between
from zaohua.core.spec import PAD, DataSpec, Feature
from zaohua.modalities.sequences import Sequences
from zaohua.modalities.texts.chats import PLAIN, Chat, special_of
from zaohua.modalities.texts.codec import PREFIX, SPECIALS, TextCodec
from zaohua.modalities.texts.dialogues import Turn
from zaohua.modalities.texts.files import TextsLike
from zaohua.modalities.texts.published_tokenizer import PublishedTokenizer, added_tokens
from zaohua.modalities.texts.templates import ChatTemplate

FIM = (
    ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"),
    ("<fim_prefix>", "<fim_suffix>", "<fim_middle>"),
    ("<fim-prefix>", "<fim-suffix>", "<fim-middle>"),
    ("▁<PRE>", "▁<SUF>", "▁<MID>"),
    SPECIALS[PREFIX:],
)
"""Names of the tokens before the parts of a text whose middle is to be filled in: of Qwen and Gemma, of StarCoder and
SmolLM, of SantaCoder, of Code Llama, and ours."""


class PublishedTextCodec(TextCodec):
    """Texts and dialogues <-> tokens as the makers of a published model write them.

    A text begins with the model's token for that, if it has one, otherwise with END, and ends in END. A dialogue is
    written by the model's chat template, which says itself what it begins with. Models learn the answers and the
    special token after each; what a message says is never read as a special token. `of` creates the codec.

    Attributes:
        tokenizer_: the published tokenizer.
    """

    tokenizer: Literal["published"] = "published"  # type: ignore[assignment]  # in place of ours
    """The tokenizer, which comes with the model."""
    vocabulary: Annotated[int, Between(1, 1 << 20)] = 1
    """Number of the model's tokens, of which the tokenizer may know fewer."""

    @classmethod
    def of(
        cls,
        tokenizer_json: str,
        vocabulary: int,
        *,
        bos: int | None,
        eos: Sequence[int],
        pad: int | None = None,
        template: str | Sequence[Mapping[str, str]] | None = None,
        adds_bos: bool | None = None,
        marks: tuple[int, int, int] | None = None,
    ) -> Self:
        """Create the codec of a published model; nothing is read from files.

        Args:
            tokenizer_json: content of its `tokenizer.json`.
            vocabulary: number of tokens of its network, at least as many as the tokenizer has.
            bos: token that its makers call `bos_token`; None if there is none.
            eos: tokens that end what it writes, the one that ends texts first.
            pad: token that its makers call `pad_token`.
            template: its chat template, or several by name, of which "default" is used; None if it has none.
            adds_bos: whether texts begin with `bos`; None for what the tokenizer does.
            marks: tokens before the beginning, the end and the middle of a text to fill in; None for those of `FIM`.

        Raises:
            ZaohuaError: the tokenizer or the template can't be read, or a token isn't in the vocabulary.
        """
        codec = cls(vocabulary=vocabulary)
        codec.set_state(
            {
                "tokenizer": tokenizer_json,
                "bos": bos,
                "eos": list(eos),
                "pad": pad,
                "template": None if template is None else ChatTemplate(template).source,
                "adds_bos": adds_bos,
                "marks": None if marks is None else list(marks),
            }
        )
        return codec

    def fit(self, items: TextsLike) -> NoReturn:
        """Refuse to learn a tokenizer: a published one is complete.

        Raises:
            ZaohuaError: always.
        """
        how = either("finetune(X)", option("base", "MODEL"))
        raise ZaohuaError(f"a published tokenizer comes with its model: begin from that ({how})")

    def state(self) -> Json:
        """Return the tokenizer, the special tokens and the template as JSON values."""
        return dict(self._state)

    def set_state(self, state: Json) -> None:
        """Restore the result of `state`."""
        self._state, bos, eos, pad = state, state["bos"], state["eos"], state["pad"]
        named = {token for token in (bos, *eos, pad, *(state["marks"] or ())) if token is not None}
        if not eos:
            raise ZaohuaError("the model names no token that ends texts (eos_token_id)")
        if wrong := [token for token in named if not 0 <= token < self.vocabulary]:
            raise ZaohuaError(f"the special token {wrong[0]} is none of the model's {self.vocabulary:,} tokens")
        added = added_tokens(state["tokenizer"], named)
        contents = {each.token: each.content for each in added}
        names = {"bos_token": bos, "eos_token": eos[0], "pad_token": pad}
        texts = {name: contents[token] for name, token in names.items() if token in contents}
        template = ChatTemplate(PLAIN if state["template"] is None else state["template"])
        around, after = special_of(template, texts, added)
        self.tokenizer_ = self._published = PublishedTokenizer(state["tokenizer"], self.vocabulary, named | around)
        self._chat = Chat(template, texts, self._published, added)
        self._ends = tuple(dict.fromkeys([*eos, *([] if after is None else [after])]))
        adds = self._published.adds(bos) if state["adds_bos"] is None else bool(state["adds_bos"])
        self._begin = bos if bos is not None and adds else self.end_
        numbers = {each.content: each.token for each in added}
        known = (tuple(numbers[name] for name in each) for each in FIM if all(name in numbers for name in each))
        self._marks = tuple(state["marks"]) if state["marks"] is not None else next(known, None)
        feature = Feature("token", "category", size=self.vocabulary)
        self.spec_ = DataSpec(axes=("position",), shape=None, features=(feature,), pad=PAD)

    # ---- special tokens

    @property
    def end_(self) -> int:
        """The token after a text."""
        return int(self._ends[0])

    @property
    def ends_(self) -> tuple[int, ...]:
        """All tokens that end what the model writes, the one after a text first, that after an answer last."""
        return self._ends

    @property
    def begin_(self) -> int:
        """The token before a text."""
        return self._begin

    @property
    def reserved_(self) -> Iterable[int]:
        """The tokens that no sample has: special ones that don't end it, and numbers that are no token."""
        return [i for i in range(self.vocabulary) if not self._published.is_text(i) and i not in self._ends]

    @property
    def gap(self) -> tuple[int, int, int]:
        """The tokens before the beginning, the end and the middle of a text to fill in."""
        if self._marks is None:
            raise ZaohuaError(
                f"the model's vocabulary has no tokens for filling in ({FIM[0][0]} ...): leave out {option('fim')}"
            )
        prefix, suffix, middle = self._marks
        return prefix, suffix, middle

    @property
    def talks(self) -> bool:
        """Whether the model came with a chat template, so that it answers."""
        return self._state["template"] is not None

    def is_text(self, token: int) -> bool:
        """Return whether a token stands for text."""
        return self._published.is_text(token)

    def name(self, token: int) -> str:
        """Return the text of a token, or the name of a special one."""
        return self._published.name(token)

    # ---- dialogues

    def encode(self, items: TextsLike) -> Sequences:
        """Encode items as tokens; what isn't learnt of dialogues, and the template of a model without, is noted."""
        self._partly = 0
        found = super().encode(items)
        if found.apart and not self.talks:
            note("the model has no chat template, so what is said in dialogues follows ### User and ### Assistant")
        if self._partly:
            note(
                f"of {self._partly:,} dialogues only the last answer is learnt: the model's chat template writes an "
                "answer otherwise once others follow"
            )
        return found

    def _dialogue(self, turns: Sequence[Turn]) -> Iterator[np.ndarray]:
        """Yield the row of a dialogue, as the template writes it."""
        tokens, whole = self._chat.row(turns, self.end_)
        self._partly += not whole
        yield tokens

    def without_oldest(self, turns: Sequence[Turn]) -> list[Turn]:
        """Return messages to answer without the oldest and its answer, as templates demand that a question is first."""
        fewer = super().without_oldest(turns)
        while fewer != turns and next(turn for turn in fewer if turn.role != "system").role == "assistant":
            turns, fewer = fewer, super().without_oldest(fewer)
        return fewer

    def asking(self, turns: Sequence[Turn]) -> list[int]:
        """Encode messages and the beginning of an answer to them, as the template writes them."""
        return self._chat.asking(turns)

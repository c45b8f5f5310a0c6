"""Dialogues as the chat template of a published model writes them, and which of their tokens are its answers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from zaohua.core.errors import ZaohuaError
from zaohua.modalities.texts.dialogues import Turn
from zaohua.modalities.texts.published_tokenizer import Added, PublishedTokenizer
from zaohua.modalities.texts.templates import ChatTemplate

PLAIN = """\
{{ bos_token or eos_token }}{% for message in messages %}{% if message.role == 'system' %}{{ message.content }}

{% elif message.role == 'assistant' %}### Assistant
{{ message.content }}{{ eos_token }}

{% else %}### User
{{ message.content }}

{% endif %}{% endfor %}{% if add_generation_prompt %}### Assistant
{% endif %}"""
"""Chat template of models that come with none. It needs no tokens of its own, so that no network grows by them; answers
end in the token that ends texts. The marks are words, as a base model has seen them: those of ChatML would take seven
tokens each where the vocabulary lacks them."""
THOUGHTS = ("<think>", "</think>")
"""Added tokens that answers may hold, though templates write them, too."""
MARKS = tuple(map(chr, range(0xFDD0, 0xFDF0)))
"""Code points that Unicode keeps from being letters."""
PROBE = [Turn("user", "a", False), Turn("assistant", "b", True)]
"""Dialogue by which is found what special tokens a template writes."""


class Row(NamedTuple):
    """Dialogue in tokens.

    Attributes:
        tokens: those of answers, and the special one after each, unchanged, others t as -2 - t, (t,).
        whole: whether all answers are learnt that are to be; else it is the last one.
    """

    tokens: np.ndarray
    whole: bool


class Chat:
    """Writer of dialogues.

    What a message says can't be taken for special tokens of the template: a mark is put into whatever in it looks like
    one, so that only those of the template are found in the text that it writes, and taken out again before the text
    between these is encoded. That is done from one special token to the next, not message by message, as the makers of
    a model encoded the text of a template as a whole, and tokens may reach from it into a message.

    Args:
        template: the chat template.
        names: texts of special tokens by the names that templates have for them.
        tokenizer: the tokenizer.
        added: the added tokens, of which those that are special to the tokenizer are.
    """

    def __init__(
        self,
        template: ChatTemplate,
        names: Mapping[str, str],
        tokenizer: PublishedTokenizer,
        added: Iterable[Added],
    ):
        self.template, self.names, self.tokenizer = template, names, tokenizer
        special = [each for each in added if each.token in tokenizer.controls]
        self._numbers = {each.content: each.token for each in special}
        self._contents = _one_of(re.escape(each.content) for each in special)
        self._special = _one_of(each.pattern for each in special)

    def asking(self, turns: Sequence[Turn]) -> list[int]:
        """Encode messages and the beginning of an answer to them."""
        marked, mark = self._marked(turns)
        tokens: list[int] = self._encoded(self._written(marked, asks=True), mark)[0].tolist()
        return tokens

    def row(self, turns: Sequence[Turn], end: int) -> Row:
        """Encode a dialogue that ends with an answer.

        A template may write an answer otherwise once others follow, such as without what the model thought. Then only
        the last answer is learnt, which is as the model writes it.

        Args:
            turns: the messages.
            end: token after the last answer, if the template writes no special token there.

        Raises:
            ZaohuaError: the template refuses the dialogue, or even the last answer isn't where it asks for it.
        """
        marked, mark = self._marked(turns)
        text = self._written(marked)
        spans = [self._span(marked, i, text) for i, turn in enumerate(turns) if turn.learnt]
        last = spans[-1]
        if last is None:
            raise ZaohuaError("the chat template doesn't go on with an answer where it asks for one: give another")
        found = [span for span in spans if span is not None]
        whole = len(found) == len(spans)
        tokens, starts = self._encoded(text[: last[1]], mark)
        learnt = np.zeros(len(tokens), bool)
        for low, high in found if whole else [last]:
            learnt |= (starts >= low) & (starts < high)
        out = np.where(learnt, tokens, -2 - tokens)
        return Row(out if int(tokens[-1]) in self.tokenizer.controls else np.append(out, end), whole)

    def _span(self, turns: Sequence[Turn], number: int, text: str) -> tuple[int, int] | None:
        """Return where an answer is in the text of a dialogue: behind what asks for it, to the special token after it.

        None if it isn't written there as it would be if it were the last.
        """
        before = self._written(turns[:number], asks=True)
        alone = text if number == len(turns) - 1 else self._written(turns[: number + 1])
        if not alone.startswith(before):
            return None
        ending = self._special.search(alone, len(before))
        stop = ending.end() if ending else len(alone)
        return (len(before), stop) if text[:stop] == alone[:stop] else None

    def _marked(self, turns: Sequence[Turn]) -> tuple[list[Turn], str]:
        """Return messages with a mark within whatever looks like a special token, and the mark."""
        mark = next((each for each in MARKS if not any(each in turn.content for turn in turns)), None)
        if mark is None:
            raise ZaohuaError("the dialogue has all of the characters U+FDD0 to U+FDEF, which are none: leave some out")
        return [Turn(turn.role, self._without_special(turn.content, mark), turn.learnt) for turn in turns], mark

    def _without_special(self, text: str, mark: str) -> str:
        while found := self._contents.search(text):
            if found.end() - found.start() < 2:
                raise ZaohuaError(f"the text {found[0]!r} is a special token of the tokenizer: leave it out")
            text = self._contents.sub(lambda part: part[0][0] + mark + part[0][1:], text)
        return text

    def _written(self, turns: Sequence[Turn], asks: bool = False) -> str:
        return written(self.template, self.names, turns, asks)

    def _encoded(self, text: str, mark: str) -> tuple[np.ndarray, np.ndarray]:
        """Encode what a template wrote: return the tokens, and where each begins in the text."""
        tokens, starts, at = list[np.ndarray](), list[np.ndarray](), 0
        for found in [*self._special.finditer(text), None]:
            between = text[at : found.start() if found else None]
            if between:
                begins = at == 0 or self.tokenizer.always
                ids, places = self.tokenizer.located(between.replace(mark, ""), begins)
                kept = np.flatnonzero(np.array([letter != mark for letter in between]))
                tokens.append(ids)
                starts.append(at + kept[places])
            if found:
                tokens.append(np.array([self._numbers[found[found.lastindex or 0]]]))
                starts.append(np.array([found.start()]))
                at = found.end()
        empty = np.empty(0, np.int64)
        return np.concatenate([empty, *tokens]), np.concatenate([empty, *starts])


def written(template: ChatTemplate, names: Mapping[str, str], turns: Sequence[Turn], asks: bool = False) -> str:
    """Return the text of messages by a template; what a tool says is written like what the user says."""
    messages = [{"role": "user" if turn.role == "tool" else turn.role, "content": turn.content} for turn in turns]
    return template.render(messages, names, asks)


def special_of(
    template: ChatTemplate, names: Mapping[str, str], added: Sequence[Added]
) -> tuple[frozenset[int], int | None]:
    """Find the added tokens that a template puts around messages, and the one that it puts after an answer.

    Some tokenizers don't say of them that they are special.

    Args:
        template: the chat template.
        names: texts of special tokens by the names that templates have for them.
        added: the added tokens.

    Returns:
        The tokens; and the one after an answer, None if there is none.
    """
    others = [each for each in added if each.content not in THOUGHTS]
    numbers, pattern = {each.content: each.token for each in others}, _one_of(each.pattern for each in others)
    try:
        before, text = written(template, names, PROBE[:1], True), written(template, names, PROBE)
    except ZaohuaError:  # a template for other dialogues, which says so when it is used
        return frozenset(), None
    found = [(each.start(), numbers[each[each.lastindex or 0]]) for each in pattern.finditer(text)]
    after = [token for start, token in found if start > len(before)] if text.startswith(before) else []
    return frozenset(token for _, token in found), after[0] if after else None


def _one_of(patterns: Iterable[str]) -> re.Pattern[str]:
    """Return the pattern of the longest of some alternatives; of nothing, if there are none."""
    return re.compile("|".join(sorted(patterns, key=len, reverse=True)) or "(?!)")

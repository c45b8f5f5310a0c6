"""Texts and dialogues in JSON records, in the forms that data sets have.

    "a text"                                              {"text": ...}, or content, document
    {"messages": [{"role": ..., "content": ...}, ...]}    OpenAI; also conversations (ShareGPT), dialogue, contents
    {"prompt": ..., "answer": ...}                        also question or query; completion, response, output
    {"instruction": ..., "input": ..., "output": ...}     Alpaca; with `history`, pairs of earlier turns
    ["prompt", "answer"]                                  a pair

`system` precedes any dialogue. A record of `weight` 0 is left out; other weights than 0 and 1 are refused. Fields that
aren't read are counted.
"""

from __future__ import annotations

from collections.abc import Sequence

from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json, JsonValue
from zaohua.modalities.texts.dialogues import (
    ROLES,
    WEIGHTS,
    Dialogue,
    is_dialogue,
    is_message,
    up_to_last_answer,
    weight,
)
from zaohua.modalities.texts.tally import Tally
from zaohua.modalities.texts.tokenizers import as_utf8

FIELDS = ("text", "content", "document")
"""Keys of the text in a record, tried in this order."""
MESSAGES = ("messages", "conversations", "conversation", "dialogue", "dialog", "contents")
"""Keys of the messages of a dialogue, tried in this order."""
PROMPTS, ANSWERS = ("prompt", "question", "instruction", "query"), ("answer", "completion", "response", "output")
"""Keys of a prompt and its answer, tried in this order."""
CONTEXTS = ("input", "context")
"""Keys of a text that follows the prompt on a line of its own; the prompt itself, if there is no other."""


def is_record(item: object) -> bool:
    """Return True if an item has the form of a record of a text or a dialogue, or of a pair in a list."""
    if isinstance(item, list):
        return len(item) == 2 and all(isinstance(part, str) for part in item)
    return isinstance(item, dict) and any(key in item for key in (*MESSAGES, *PROMPTS, *ANSWERS, *FIELDS))


def collected(items: list[JsonValue]) -> list[JsonValue]:
    """Return the texts and dialogues of a list; those that are records are taken out of them.

    Items of other types stay, so that a codec can name them. What isn't read is told in notes.

    Raises:
        ZaohuaError: an item can't be read, or the list is one dialogue.
    """
    if is_message(items[0]) and str(items[0].get("role", items[0].get("from"))).casefold() in ROLES:
        raise ZaohuaError("the list is one dialogue: give a list of them, [dialogue]")
    tally, out = Tally(), []
    for number, item in enumerate(items):
        if isinstance(item, (list, dict)):
            try:
                item = parsed(item, tally)
            except ZaohuaError as error:
                raise ZaohuaError(f"item {number}: {error}") from None
            if item is None:  # of weight 0
                continue
        out.append(item)
    tally.report()
    return out


def parsed(record: JsonValue, tally: Tally, field: str | None = None) -> str | Dialogue | None:
    """Return the text or dialogue of a record; None if its weight is 0.

    Args:
        record: a JSON value.
        tally: counts what isn't read.
        field: key of the text; None finds it.

    Raises:
        ZaohuaError: the record holds neither, or something that can't be honoured.
    """
    if isinstance(record, str):
        item: str | Dialogue = record
    elif isinstance(record, list):
        if is_record(record):
            item = (record[0], record[1])
        elif is_dialogue(record):
            item = record
        else:
            raise ZaohuaError(f"is a list, but neither of messages nor of a prompt and its answer: {record!r:.60}")
    elif isinstance(record, dict):
        if is_message(record) and str(record.get("role", record.get("from"))).casefold() in ROLES:
            raise ZaohuaError("is one message, not a dialogue: put the messages of a dialogue into one list")
        if weight(record) is False:
            tally.add("left out", "item", " of weight 0")
            return None
        item = _text(record, tally, (field,)) if field else _of_fields(record, tally)
    else:
        raise ZaohuaError(f"is {record!r:.60}, not a text or a dialogue")
    if isinstance(item, str):
        as_utf8(item)
    else:
        for turn in up_to_last_answer(item, tally):
            as_utf8(turn.content)
    return item


def _of_fields(record: Json, tally: Tally) -> str | Dialogue:
    """Return the dialogue of a record, or else its text."""
    listed = next((key for key in MESSAGES if record.get(key) is not None), None)
    if listed is not None:
        tally.unread(record, (listed, "system", *WEIGHTS))
        if not is_dialogue(record[listed]) or isinstance(record[listed], tuple):
            raise ZaohuaError(
                f"isn't a dialogue: {listed} must be a list of {{'role', 'content'}}, not {record[listed]!r:.60}"
            )
        return [*_system(record), *record[listed]]
    prompt, answer, context = (_key(record, keys) for keys in (PROMPTS, ANSWERS, CONTEXTS))
    if prompt is None and context is not None and answer is not None:
        prompt, context = context, None
    if prompt is None or answer is None:
        return _text(record, tally, FIELDS, prompt)
    history = "history" if isinstance(record.get("history"), list) else None
    tally.unread(record, [key for key in (prompt, answer, context, history) if key] + ["system", *WEIGHTS])
    asked, said = _messages(record, prompt, "user"), _messages(record, answer, "assistant")
    if context is not None and record[context] not in (None, ""):
        if not isinstance(record[context], str) or not isinstance(record[prompt], str):
            raise ZaohuaError(f"its {context} must be a text, not {record[context]!r:.60}")
        asked[0]["content"] = f"{record[prompt]}\n{record[context]}"
    before = [*_system(record), *_earlier(record["history"] if history else [])]
    if not before and isinstance(record[prompt], str) and isinstance(record[answer], str):
        return asked[0]["content"], said[0]["content"]
    return [*before, *asked, *said]


def _messages(record: Json, key: str, role: str) -> list[Json]:
    """Return the messages of a prompt or an answer, a text or a list of messages; those of a prompt aren't learnt."""
    value = record[key]
    if isinstance(value, str):
        return [{"role": role, "content": value}]
    if isinstance(value, list) and value and all(map(is_message, value)):
        return [{**message, "weight": 0} for message in value] if role == "user" else list(value)
    wrong = "null" if value is None else repr(value)[:60]
    raise ZaohuaError(f"isn't a dialogue: its {key} must be a text, not {wrong}")


def _earlier(history: list[JsonValue]) -> list[Json]:
    """Return the messages of a history, pairs of a prompt and its answer."""
    if not all(isinstance(pair, list) and is_record(pair) for pair in history):
        raise ZaohuaError(f"its history must be pairs of texts, not {history!r:.60}")
    return [
        {"role": role, "content": text}
        for pair in history
        for role, text in zip(("user", "assistant"), pair, strict=True)
    ]


def _system(record: Json) -> list[Json]:
    """Return the system message of a record, if it has one."""
    system = record.get("system")
    if system is not None and not isinstance(system, (str, list)):
        raise ZaohuaError(f"its system must be a text, not {system!r:.60}")
    return [{"role": "system", "content": system}] if system else []


def _text(record: Json, tally: Tally, names: Sequence[str], prompt: str | None = None) -> str:
    """Return the text of a record under one of some names."""
    name = _key(record, names)
    if name is None or not isinstance(record.get(name), str):
        if prompt is not None:
            raise ZaohuaError(f"has a {prompt}, but no answer under {' or '.join(map(repr, ANSWERS))}")
        raise ZaohuaError(
            f"has no text under {' or '.join(map(repr, names))} (it has {', '.join(map(repr, record)) or 'nothing'}), "
            "and no messages, or prompt and answer"
        )
    tally.unread(record, (name, *WEIGHTS))
    text: str = record[name]
    return text


def _key(record: Json, names: Sequence[str]) -> str | None:
    """Return the first of some names that a record has, one with a value before one without."""
    there = [name for name in names if name in record]
    return next((name for name in there if record[name] is not None), there[0] if there else None)

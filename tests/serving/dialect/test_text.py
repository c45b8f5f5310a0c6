"""Chats and completions by OpenAI's client over a socket."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import openai
import pytest

from tests.serving.fakes import FakeEngine, FakeShelf, text_card
from tests.serving.live import listening
from zaohua.core.errors import ZaohuaError
from zaohua.serving.app import create_app
from zaohua.serving.settings import Settings
from zaohua.serving.work import TextWork

HELLO = {"role": "user", "content": "hello"}


@pytest.fixture(scope="module")
def shelf() -> FakeShelf:
    cards = [text_card("chatty", "chat", "suffix"), text_card("a run"), text_card("broken", "chat")]
    engines = {card.id: FakeEngine() for card in cards}
    engines["broken"].breaks_after = 3
    return FakeShelf({card.id: card for card in [*cards, text_card("lost")]}, engines)


@pytest.fixture(scope="module")
def address(shelf: FakeShelf) -> Iterator[str]:
    with listening(create_app(shelf, Settings(max_tokens=50, max_n=8))) as address:
        yield address


@pytest.fixture(scope="module")
def client(address: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{address}/v1", api_key="k", max_retries=0)


def last(shelf: FakeShelf, model: str = "chatty") -> TextWork:
    work = shelf.engines[model].works[-1]
    assert isinstance(work, TextWork)
    return work


def test_models(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["chatty", "a run", "broken", "lost"]
    model = client.models.retrieve("a run")
    assert model.id == "a run" and model.object == "model" and model.to_dict()["modality"] == "texts"


@pytest.mark.parametrize("name", ["../a run", "/etc/passwd", "..%2f..%2fetc%2fpasswd%00", "a%20run%00"])
def test_ids_are_no_paths(address: str, name: str) -> None:
    answer = httpx.get(f"{address}/v1/models/{name}")
    assert answer.status_code == 404 and answer.json()["error"]["code"] in ("model_not_found", "unknown_route")


def test_chat(client: openai.OpenAI, shelf: FakeShelf) -> None:
    answer = client.chat.completions.create(model="chatty", messages=[HELLO], n=2, seed=1, max_completion_tokens=3)
    assert [choice.message.content for choice in answer.choices] == ["bcd", "cde"]
    assert answer.choices[0].finish_reason == "length" and answer.choices[0].logprobs is None
    assert answer.usage is not None and answer.usage.total_tokens == answer.usage.prompt_tokens + 6
    assert shelf.engines["chatty"].scripts[-1].closed


def test_options_reach_the_engine(client: openai.OpenAI, shelf: FakeShelf) -> None:
    extra = {"top_k": 3, "melody": None, "unknown": [1], "user": "me"}
    parts = [{"type": "text", "text": "hel"}, {"type": "text", "text": "lo"}]
    client.chat.completions.create(
        model="chatty",
        messages=[{"role": "developer", "content": "be kind"}, {"role": "user", "content": parts}],
        temperature=0,
        top_p=0.5,
        seed=0,
        stop="z",
        max_tokens=4,
        presence_penalty=1,
        frequency_penalty=-1,
        logit_bias={"7": -100},
        extra_body=extra,
    )
    work = last(shelf)
    assert work.options == {"temperature": 0, "top_p": 0.5, "top_k": 3, "max_tokens": 4, "stop": ("z",)}
    assert work.seed == 0 and work.bias == {7: -100} and (work.presence_penalty, work.frequency_penalty) == (1, -1)
    assert work.prompt == [{"role": "developer", "content": "be kind"}, HELLO]


def test_null_is_no_value(client: openai.OpenAI, shelf: FakeShelf) -> None:
    nulls = dict.fromkeys(("temperature", "seed", "stop", "logit_bias", "max_tokens", "top_k", "n", "stream"))
    client.chat.completions.create(model="chatty", messages=[HELLO], extra_body=nulls)
    assert last(shelf).options == {} and last(shelf).seed is None


def test_chat_stream(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model="chatty",
        messages=[HELLO],
        n=2,
        max_tokens=3,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    texts, finished = {0: "", 1: ""}, {}
    for chunk in chunks[:-1]:
        assert chunk.usage is None and chunk.id == chunks[0].id
        (choice,) = chunk.choices
        texts[choice.index] += choice.delta.content or ""
        finished[choice.index] = choice.finish_reason
    assert texts == {0: "abc", 1: "bcd"} and finished == {0: "length", 1: "length"}
    assert chunks[0].choices[0].delta.role == "assistant" and chunks[0].choices[0].delta.content == ""
    assert chunks[-1].choices == [] and chunks[-1].usage is not None and chunks[-1].usage.completion_tokens == 6


def test_chat_logprobs(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="chatty", messages=[HELLO], logprobs=True, top_logprobs=2, max_tokens=2
    )
    told = answer.choices[0].logprobs
    assert told is not None and told.content is not None and [token.token for token in told.content] == ["a", "b"]
    assert told.content[0].logprob == -1 and told.content[0].bytes == [97]
    assert [(other.token, other.logprob) for other in told.content[0].top_logprobs] == [("x", -9999), ("y", -2)]


def test_completions(client: openai.OpenAI, shelf: FakeShelf) -> None:
    answer = client.completions.create(
        model="chatty", prompt=["one", "two"], n=2, suffix="end", logprobs=1, echo=True, max_tokens=2
    )
    assert [choice.text for choice in answer.choices] == ["oneab", "onebc", "twoab", "twobc"]
    assert last(shelf).options["suffix"] == "end"
    told = answer.choices[3].logprobs
    assert told is not None and told.tokens == ["two", "b", "c"] and told.token_logprobs == [None, -2, -2]
    assert told.text_offset == [0, 3, 4] and told.top_logprobs == [None, {"x": -9999}, {"x": -9999}]


def test_completion_of_tokens(client: openai.OpenAI, shelf: FakeShelf) -> None:
    client.completions.create(model="a run", prompt=[1, 2, 3])
    assert last(shelf, "a run").prompt == [1, 2, 3]
    client.completions.create(model="a run", prompt=[[1], [2]])
    assert last(shelf, "a run").prompt == [2]
    with pytest.raises(openai.BadRequestError, match="tokens are numbers from 0 to 99"):
        client.completions.create(model="a run", prompt=[1, 100])


def test_best_of(client: openai.OpenAI) -> None:
    answer = client.completions.create(model="a run", prompt="x", best_of=3, n=2, max_tokens=1)
    assert [choice.text for choice in answer.choices] == ["a", "b"] and answer.choices[0].logprobs is None
    assert answer.usage is not None and answer.usage.completion_tokens == 3


def test_completion_stream(client: openai.OpenAI) -> None:
    stream = client.completions.create(model="a run", prompt=["x", "y"], stream=True, logprobs=0, max_tokens=3)
    texts, offsets = {0: "", 1: ""}, []
    for chunk in stream:
        (choice,) = chunk.choices
        texts[choice.index] += choice.text
        if choice.index == 0 and choice.logprobs is not None:
            offsets += choice.logprobs.text_offset or []
    assert texts == {0: "abc", 1: "abc"} and offsets == [0, 1, 2]


def test_error_in_mid_stream_raises(client: openai.OpenAI, address: str) -> None:
    stream = client.chat.completions.create(model="broken", messages=[HELLO], stream=True)
    with pytest.raises(openai.APIError, match="the server failed") as error:
        list(stream)
    assert "secret" not in str(error.value)
    with pytest.raises(openai.APIError, match="the server failed"):
        list(client.responses.create(model="broken", input="x", stream=True))
    body = {"model": "broken", "prompt": "x", "stream": True}
    assert httpx.post(f"{address}/v1/completions", json=body).text.endswith("data: [DONE]\n\n")


def test_error_before_the_stream_has_a_status(client: openai.OpenAI, shelf: FakeShelf) -> None:
    engine = shelf.engines["a run"]
    engine.refuses = ZaohuaError("the prompt has letters that the model doesn't know")
    try:
        with pytest.raises(openai.BadRequestError, match="letters"):
            client.completions.create(model="a run", prompt="x", stream=True)
    finally:
        engine.refuses = None
    assert engine.scripts[-1].closed


def test_full(client: openai.OpenAI, shelf: FakeShelf) -> None:
    shelf.engines["a run"].full = True
    try:
        for stream in (False, True):
            with pytest.raises(openai.RateLimitError) as error:
                client.completions.create(model="a run", prompt="x", stream=stream)
            assert error.value.response.headers["Retry-After"] == "7" and error.value.code == "queue_full"
    finally:
        shelf.engines["a run"].full = False


def test_server_error(client: openai.OpenAI) -> None:
    with pytest.raises(openai.InternalServerError) as error:
        client.completions.create(model="broken", prompt="x")
    assert error.value.code == "internal_error" and "secret" not in str(error.value)


def test_model_that_cannot_be_loaded_is_not_asked_again(client: openai.OpenAI, shelf: FakeShelf) -> None:
    with pytest.raises(openai.InternalServerError, match="can't be loaded") as error:
        client.with_options(max_retries=2).completions.create(model="lost", prompt="x")
    assert error.value.status_code == 503 and error.value.code == "model_unavailable" and shelf.failed == 1
    assert "/runs" not in str(error.value)


def test_unknown_model(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="did you mean 'chatty'") as error:
        client.completions.create(model="chaty", prompt="x")
    assert error.value.code == "model_not_found" and error.value.param == "model"


def test_model_that_learnt_no_dialogues(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="/v1/completions") as error:
        client.chat.completions.create(model="a run", messages=[HELLO])
    assert error.value.code == "not_a_chat_model"
    with pytest.raises(openai.BadRequestError, match="served models that can: chatty"):
        client.completions.create(model="a run", prompt="x", suffix="y")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tools", [{"type": "function"}]),
        ("response_format", {"type": "json_object"}),
        ("audio", {"voice": "x"}),
        ("guided_json", {"type": "{"}),
        ("tool_choice", "required"),
        ("modalities", ["audio"]),
        ("n", 9),
        ("n", 0),
        ("n", True),
        ("n", 10**9),
        ("max_tokens", 51),
        ("max_tokens", -1),
        ("max_tokens", 2**70),
        ("seed", 2**70),
        ("seed", -1),
        ("seed", 1.5),
        ("temperature", -1),
        ("temperature", "hot"),
        ("top_p", 1.1),
        ("stop", ""),
        ("stop", ["x"] * 100),
        ("logit_bias", {"100": 1}),
        ("logit_bias", {"-1": 1}),
        ("logit_bias", {"x": 1}),
        ("logit_bias", {"1": 1000}),
        ("presence_penalty", 3),
        ("top_k", "many"),
        ("top_k", 2**40),
        ("messages", []),
        ("messages", "hello"),
        ("messages", [{"role": "tool", "content": "x"}]),
        ("messages", [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x"}}]}]),
        ("top_logprobs", 21),
        ("stream_options", 3),
    ],
)
def test_wrong_field_is_named(address: str, field: str, value: object) -> None:
    body = {"model": "chatty", "messages": [HELLO], field: value}
    answer = httpx.post(
        f"{address}/v1/chat/completions", content=json.dumps(body), headers={"content-type": "application/json"}
    )
    assert answer.status_code == 400 and answer.json()["error"]["param"].startswith(field), answer.text


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "hello",
        "[" * 100_000,
        '{"a":' * 50_000,
        '{"model":"chatty","prompt":"x","temperature":NaN}',
        '{"model":"chatty","prompt":"x","temperature":1e999}',
        '{"model":"chatty","prompt":"x","top_k":-Infinity}',
        '{"model":NaN,"prompt":"x"}',
        '{"model":"\\ud800","prompt":"x"}',
        '{"model":"chatty","prompt":"x","n":"\\ud800"}',
        '{"model":"chatty","prompt":"x","seed":' + "9" * 5000 + "}",
        b'{"model":"\xff\xfe"}',
        '{"model":"chatty","prompt":"\\ud800"}',
        '{"model":"chatty","prompt":[]}',
        '{"model":"chatty","prompt":[[],"x"]}',
        '{"model":"chatty","prompt":"x","best_of":2,"stream":true}',
        '{"model":"chatty","prompt":"x","best_of":1,"n":2}',
    ],
)
def test_hostile_body(address: str, body: str | bytes) -> None:
    answer = httpx.post(f"{address}/v1/completions", content=body, headers={"content-type": "application/json"})
    assert 400 <= answer.status_code < 500 and answer.json()["error"]["message"]

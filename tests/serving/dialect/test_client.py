"""OpenAI's client, unmodified, with real models: every route, and every class of error."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import openai
import pytest
import soundfile
from PIL import Image

HELLO = {"role": "user", "content": "What is d3?"}


def picture(data: str | None) -> np.ndarray:
    assert data is not None
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def png(pixels: np.ndarray) -> tuple[str, bytes]:
    out = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(out, "PNG")
    return "picture.png", out.getvalue()


def test_models(client: openai.OpenAI, loaded: dict[str, Any]) -> None:
    models = {model.id: model.to_dict() for model in client.models.list()}
    assert set(models) == set(loaded)
    assert models["digits"]["labels"] == [f"d{number}" for number in range(10)]
    assert models["digits"]["shape"] == [8, 8] and models["digits"]["options"]["steps"] == 4
    assert models["texts"]["vocabulary"] == loaded["texts"].spec_.channels and models["tones"]["rate"] == 1000
    assert "chat" in models["talk"]["capabilities"] and "chat" not in models["texts"]["capabilities"]
    assert client.models.retrieve("talk").to_dict() == models["talk"]


def test_completions_are_those_of_python(client: openai.OpenAI, loaded: dict[str, Any]) -> None:
    answer = client.completions.create(model="texts", prompt="d1 is", n=2, seed=5, temperature=0.9)
    expected = loaded["texts"].sample(2, random_state=5, prompt="d1 is", temperature=0.9)
    assert ["d1 is" + choice.text for choice in answer.choices] == expected
    assert answer.usage is not None and answer.usage.prompt_tokens == len("d1 is") + 1


def test_streams_are_whole_texts(client: openai.OpenAI) -> None:
    asked: dict[str, Any] = {"model": "texts", "prompt": ["d1", "d2"], "seed": 3, "n": 2, "max_tokens": 9}
    whole = [choice.text for choice in client.completions.create(**asked).choices]
    streamed = [""] * 4
    for chunk in client.completions.create(**asked, stream=True):
        streamed[chunk.choices[0].index] += chunk.choices[0].text
    assert streamed == whole


def test_chat_is_that_of_python(client: openai.OpenAI, loaded: dict[str, Any]) -> None:
    expected = loaded["talk"].chat([HELLO], random_state=2)
    answer = client.chat.completions.create(model="talk", messages=[HELLO], seed=2)
    assert answer.choices[0].message.content == expected
    chunks = client.chat.completions.create(model="talk", messages=[HELLO], seed=2, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == expected


def test_stop(client: openai.OpenAI, loaded: dict[str, Any]) -> None:
    texts = [client.completions.create(model="texts", prompt="d1", seed=seed).choices[0].text for seed in range(9)]
    seed, whole = max(enumerate(texts), key=lambda each: len(each[1]))
    choice = client.completions.create(model="texts", prompt="d1", seed=seed, stop=[whole[2:4]]).choices[0]
    assert choice.text == whole[: whole.index(whole[2:4])] and choice.finish_reason == "stop"


def test_suffix(client: openai.OpenAI, loaded: dict[str, Any]) -> None:
    answer = client.completions.create(model="texts", prompt="d", suffix="od", seed=1)
    expected = loaded["texts"].sample(1, random_state=1, prompt="d", suffix="od")[0]
    assert "d" + answer.choices[0].text + "od" == expected


def test_logprobs_and_echo(client: openai.OpenAI, loaded: dict[str, Any]) -> None:
    asked: dict[str, Any] = {"model": "texts", "prompt": "d1 is", "seed": 5, "max_tokens": 4}
    plain = client.completions.create(**asked).choices[0].text
    choice = client.completions.create(**asked, logprobs=2, echo=True).choices[0]
    told = choice.logprobs
    assert choice.text == "d1 is" + plain and told is not None and "".join(told.tokens or []) == choice.text
    nats = [-nats for _, nats in loaded["texts"].surprisals(choice.text)]
    known = [value for value in told.token_logprobs or [] if value is not None]
    np.testing.assert_allclose(known[-4:], nats[:-1][-4:], rtol=1e-4)
    assert told.top_logprobs is not None and all(each is None or len(each) == 2 for each in told.top_logprobs)


def test_bias_and_penalties(client: openai.OpenAI, loaded: dict[str, Any]) -> None:
    token = int(loaded["texts"].codec_.tokenizer_.encode("s")[0])
    answer = client.completions.create(model="texts", prompt="d1", logit_bias={str(token): 100}, max_tokens=5)
    assert answer.choices[0].text == "sssss"
    answer = client.completions.create(
        model="texts", prompt="d1", logit_bias={str(token): 3}, temperature=0, frequency_penalty=2, max_tokens=5
    )
    assert answer.choices[0].text != "sssss"


def test_pictures_are_those_of_python(client: openai.OpenAI, loaded: dict[str, Any]) -> None:
    answer = client.images.generate(model="digits", prompt="d3", n=2, extra_body={"seed": 1, "steps": 3})
    expected = loaded["digits"].sample(2, y="d3", random_state=1, steps=3)
    for image, pixels in zip(answer.data or [], expected, strict=True):
        np.testing.assert_array_equal(picture(image.b64_json), np.rint(pixels.astype(float) * 255 / 16))
    origin = Image.open(io.BytesIO(base64.b64decode((answer.data or [])[0].b64_json or ""))).info
    assert "trainedAlgorithmicMedia" in str(origin) and loaded["digits"].file_origin().weights in str(origin)


def test_size_and_address_of_pictures(client: openai.OpenAI) -> None:
    answer = client.images.generate(model="digits", prompt="", size="32x16", response_format="url")  # type: ignore[call-overload]
    address = answer.data[0].url
    assert address.startswith("data:image/png;base64,") and picture(address.partition(",")[2]).shape == (16, 32)
    with pytest.raises(openai.BadRequestError, match="size") as error:
        client.images.generate(model="digits", prompt="", size="9999x9999")  # type: ignore[call-overload]
    assert error.value.param == "size"


def test_unknown_prompts(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="known: d0, d1|did you mean") as error:
        client.images.generate(model="digits", prompt="zebra")
    assert error.value.param == "prompt" and error.value.code == "unknown_condition"
    with pytest.raises(openai.BadRequestError, match="without conditions"):
        client.images.generate(model="latent", prompt="zebra")


def test_what_is_left_out_of_a_prompt_is_told(client: openai.OpenAI) -> None:
    asked: Any = {"model": "texts", "prompt": "d1 is " * 40, "max_tokens": 2}
    whole, chunks = client.completions.create(**asked), list(client.completions.create(**asked, stream=True))
    for answer in (whole, chunks[-1]):
        assert "the prompt is longer than the context" in (answer.model_extra or {})["notes"][0]
    assert not any("notes" in (chunk.model_extra or {}) for chunk in chunks[:-1])
    assert "notes" not in (client.completions.create(model="texts", prompt="d1", max_tokens=2).model_extra or {})


def test_edits_keep_what_is_seen(client: openai.OpenAI) -> None:
    given = np.arange(64).reshape(8, 8) * 4
    mask = np.zeros((8, 8, 4))
    mask[:4, :, 3] = 255
    answer = client.images.edit(
        model="digits", image=png(given), mask=png(mask), prompt="", n=2, extra_body={"seed": 1, "steps": 2}
    )
    first, second = (picture(image.b64_json) for image in answer.data or [])
    np.testing.assert_array_equal(first[:4], given[:4])
    assert (first[4:] != second[4:]).any() and first.shape == (8, 8)


def test_edits_of_a_larger_picture_are_painted_in_the_size_that_the_model_knows(client: openai.OpenAI) -> None:
    given = np.kron(np.arange(64).reshape(8, 8) * 4, np.ones((3, 2)))
    mask = np.zeros((24, 16, 4))
    mask[:12, :, 3] = 255
    options = {"seed": 1, "steps": 2}
    answer = client.images.edit(model="digits", image=png(given), mask=png(mask), prompt="", extra_body=options)
    found = picture((answer.data or [])[0].b64_json)
    np.testing.assert_array_equal(found[:12], given[:12])
    small = client.images.edit(
        model="digits", image=png(given[1::3, ::2]), mask=png(mask[1::3, ::2]), prompt="", extra_body=options
    )
    expected = picture((small.data or [])[0].b64_json)[6:].astype(float)
    assert np.abs(found.reshape(8, 3, 8, 2).mean((1, 3))[6:] - expected).mean() < 40


def test_edits_of_a_transparent_picture(client: openai.OpenAI) -> None:
    given = np.dstack([np.full((8, 8, 3), 90), np.full((8, 8), 255)])
    given[2:5, 2:5, 3] = 0
    answer = client.images.edit(model="digits", image=[png(given)], prompt="d1", extra_body={"steps": 2})
    found = picture((answer.data or [])[0].b64_json)
    assert found.shape == (8, 8, 3) and (found[5:] == 90).all()


def test_wrong_edits(client: openai.OpenAI) -> None:
    pixels = np.zeros((8, 8))
    hole = np.zeros((8, 8, 4))
    for asked, param in [
        ({"image": [png(pixels), png(pixels)]}, "image"),
        ({"image": png(pixels)}, "image"),
        ({"image": png(pixels), "mask": png(pixels)}, "mask"),
        ({"image": png(pixels), "mask": png(hole[:4])}, "mask"),
        ({"image": ("x.png", b"<svg></svg>")}, "image"),
        ({"image": ("x.png", png(hole)[1][:50])}, "image"),
    ]:
        with pytest.raises(openai.BadRequestError) as error:
            client.images.edit(model="digits", prompt="", **asked)  # type: ignore[arg-type]
        assert error.value.param == param
    with pytest.raises(openai.APIStatusError) as large:
        client.images.edit(model="digits", prompt="", image=png(np.zeros((101, 100))))
    assert large.value.status_code == 413 and large.value.code == "too_large"


def test_speech_is_that_of_python(client: openai.OpenAI, loaded: dict[str, Any]) -> None:
    sound = loaded["tones"].sample(1, y="d3", random_state=4)[0]
    for form, tolerance in (("wav", 1 / 32768), ("flac", 1 / 32768)):
        made = client.audio.speech.create(
            model="tones",
            voice="d3",
            input="",
            response_format=form,  # type: ignore[arg-type]
            extra_body={"seed": 4},
        )
        samples, rate = soundfile.read(io.BytesIO(made.content))
        assert rate == 1000 and np.abs(samples - sound.samples).max() <= tolerance


@pytest.mark.parametrize(("form", "begins"), [(None, (b"ID3", b"\xff")), ("opus", (b"OggS",)), ("pcm", (b"",))])
def test_formats_of_speech(client: openai.OpenAI, form: Any, begins: tuple[bytes, ...]) -> None:
    extra = {} if form is None else {"response_format": form}
    made = client.audio.speech.create(model="tones", voice="default", input="d3", **extra)
    assert made.content.startswith(begins)
    if form == "pcm":
        assert len(made.content) == pytest.approx(2 * 24_000 * 0.024, rel=0.1)
    else:
        assert soundfile.info(io.BytesIO(made.content)).samplerate == (48_000 if form == "opus" else 8000)


def test_wrong_speech(client: openai.OpenAI) -> None:
    for asked, param in [
        ({"response_format": "aac"}, "response_format"),
        ({"speed": 2}, "speed"),
        ({"voice": "alloy"}, "voice"),
        ({"voice": "default", "input": "Hello there"}, "input"),
        ({"stream_format": "sse"}, "stream_format"),
    ]:
        body = {"model": "tones", "voice": "d1", "input": "", **asked}
        with pytest.raises(openai.BadRequestError) as error:
            client.audio.speech.create(**body)
        assert error.value.param == param


def test_responses(client: openai.OpenAI, loaded: dict[str, Any]) -> None:
    asked: dict[str, Any] = {"model": "talk", "input": "What is d3?", "extra_body": {"seed": 2}}
    expected = loaded["talk"].chat([HELLO], random_state=2)
    answer = client.responses.create(**asked)
    assert answer.output_text == expected and answer.usage is not None and answer.usage.output_tokens > 0
    events = list(client.responses.create(**asked, stream=True))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == expected
    assert events[0].type == "response.created" and events[-1].type in ("response.completed", "response.incomplete")
    with pytest.raises(openai.BadRequestError, match="previous_response_id"):
        client.responses.create(model="talk", input="x", previous_response_id="y")


def test_absent_routes_say_so(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="/v1/latents"):
        client.embeddings.create(model="texts", input="x")
    with pytest.raises(openai.NotFoundError, match="no model here"):
        client.audio.transcriptions.create(model="tones", file=("x.wav", b"x"))
    with pytest.raises(openai.NotFoundError, match="no such route"):
        client.batches.list()


def test_wrong_kind_of_model(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="served models that can: talk, texts"):
        client.completions.create(model="digits", prompt="x")
    with pytest.raises(openai.BadRequestError, match="is of sounds"):
        client.images.generate(model="tones", prompt="x")
    with pytest.raises(openai.BadRequestError, match="not dialogues"):
        client.chat.completions.create(model="texts", messages=[HELLO])


def test_keys_and_names(client: openai.OpenAI) -> None:
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="wrong").models.list()
    with pytest.raises(openai.PermissionDeniedError):
        client.with_options(default_headers={"Origin": "https://evil.example"}).models.list()
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("../texts")


def test_prompt_of_unknown_letters(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError):
        client.completions.create(model="texts", prompt="\u9020\u5316", stream=True)


def test_answers_have_ids(client: openai.OpenAI) -> None:
    answer = client.completions.create(model="texts", prompt="d1", max_tokens=1)
    assert answer._request_id

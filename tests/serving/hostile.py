"""Requests that have broken servers, ours or others': bytes by name, with the statuses that may come back."""

from __future__ import annotations

import base64
import io
import json
import zlib
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image

from tests.serving.broken_files import animated, chunk, file, form, png, text, wav
from tests.serving.wire import asking

REFUSED = frozenset(range(400, 500))
DONE = frozenset({200})
EITHER = REFUSED | DONE
CUT = frozenset({0}) | REFUSED
"""The connection may be closed without an answer, as what was sent is no HTTP."""
Case = tuple[str, Callable[[], bytes], frozenset[int]]
GET = b"GET /v1/models HTTP/1.1\r\nHost: a\r\nConnection: close\r\n".replace(b"Host: a", b"Host: 127.0.0.1")
POST = GET.replace(b"GET /v1/models", b"POST /v1/completions") + b"Content-Type: application/json\r\n"


def field(more: str, model: str = "gpt", path: str = "/v1/completions") -> bytes:
    """A request for a text with further fields, as they are written."""
    return asking(f'{{"model":"{model}","prompt":"a","max_tokens":2{more}}}', path)


def json_bodies() -> Iterator[Case]:
    """Bodies that are no JSON, or not what JSON is for."""
    plain = '{"model":"gpt","prompt":"a","max_tokens":2}'
    for name, body in {
        "empty": "",
        "no JSON": "hello",
        "an array": "[]",
        "a string": '"a"',
        "null": "null",
        "100,000 brackets": "[" * 100_000,
        "invalid UTF-8": b'{"model":"\xff\xfe"}',
        "cut off": plain[:-5],
        "two values": plain + plain,
        "half a pair of surrogates": '{"model":"\\ud800","prompt":"a"}',
        "NUL in a name": '{"model":"gpt\\u0000","prompt":"a"}',
        "an unknown model of half a pair": '{"model":"gpt","prompt":"a","n":"\\ud800"}',
        "NaN as a name": '{"model":NaN}',
    }.items():
        yield name, lambda body=body: asking(body), REFUSED
    yield "a byte order mark", lambda: asking(b"\xef\xbb\xbf" + plain.encode()), EITHER
    yield "UTF-16", lambda: asking(plain.encode("utf-16")), EITHER
    yield "keys twice", lambda: asking('{"model":"x","model":"gpt","prompt":"a","max_tokens":2,"n":-1,"n":1}'), EITHER
    yield "half a pair in a prompt", lambda: asking('{"model":"gpt","prompt":"\\udc00","max_tokens":2}'), REFUSED
    nested = '{"a":' * 50_000 + "1" + "}" * 50_000
    yield "50,000 objects", lambda: field(f',"extra":{nested}'), EITHER
    yield "no type", lambda: asking(plain).replace(b"Content-Type: application/json\r\n", b""), EITHER
    yield "another type", lambda: asking(plain, kind="text/plain"), EITHER
    yield "a form", lambda: asking("model=gpt", kind="application/x-www-form-urlencoded"), REFUSED
    bomb = zlib.compress(b"[" * 10_000_000)
    yield "compressed", lambda: asking(bomb, headers="Content-Encoding: deflate\r\n"), REFUSED
    yield "too long", lambda: asking(b" " * 1_500_000), REFUSED
    parts = b"10000\r\n" + b"a" * 65_536 + b"\r\n"
    yield "too long in parts", lambda: POST + b"Transfer-Encoding: chunked\r\n\r\n" + parts * 23 + b"0\r\n\r\n", REFUSED


def numbers() -> Iterator[Case]:
    """Numbers that are none, or none that a server should compute with."""
    for name, more in {
        "NaN": '"temperature":NaN',
        "1e999": '"temperature":1e999',
        "-Infinity": '"top_p":-Infinity',
        "5,000 digits": '"seed":' + "9" * 5000,
        "a seed of 71 bits": f'"seed":{2**70}',
        "a fraction of a seed": '"seed":1000.5',
        "a negative seed": '"seed":-1',
        "a billion texts": '"n":1000000000',
        "no texts": '"n":0',
        "-1 texts": '"n":-1',
        "true texts": '"n":true',
        "a text of n": '"n":"1"',
        "-1 tokens": '"max_tokens":-1',
        "a billion tokens": '"max_tokens":1000000000',
        "a negative temperature": '"temperature":-1',
        "a top_p of 2": '"top_p":2',
        "a negative top_k": '"top_k":-5',
        "a huge penalty": '"presence_penalty":1e300',
        "NaN for a token": '"logit_bias":{"1":NaN}',
        "a word for a token": '"logit_bias":{"x":1}',
        "an unknown token": '"logit_bias":{"999999999":1}',
        "a negative token": '"logit_bias":{"-1":1}',
        "a list as a bias": '"logit_bias":[1]',
        "1,000 logprobs": '"logprobs":1000',
        "the best of a million": '"best_of":1000000',
        "100,000 stops": f'"stop":{json.dumps(["ab"] * 100_000)}',
        "a grammar": '"guided_grammar":"("',
        "an invalid pattern": '"guided_regex":"((((("',
        "an invalid schema": '"guided_json":{"type":"nothing"}',
    }.items():
        yield name, lambda more=more: field("," + more), REFUSED
    for name, more in {
        "a temperature of 1e-4": '"temperature":0.0001',
        "a temperature of 1e-300": '"temperature":1e-300',
        "a top_p of 0": '"top_p":0',
        "the echo with logprobs": '"echo":true,"logprobs":2',
        "an empty stop": '"stop":""',
        "a megabyte of a stop": '"stop":"' + "a" * 900_000 + '"',
        "a stream of half a word": '"stream":"yes"',
        "a suffix": '"suffix":"' + "b" * 100_000 + '"',
    }.items():
        yield name, lambda more=more: field("," + more), EITHER
    long = "ab" * 300_000
    yield "a prompt beyond the context", lambda: asking({"model": "gpt", "prompt": long, "max_tokens": 2}), EITHER
    yield "unknown letters", lambda: asking({"model": "gpt", "prompt": "\U0010ffff造\x00", "max_tokens": 2}), EITHER
    yield "unknown tokens", lambda: asking({"model": "gpt", "prompt": [10**9], "max_tokens": 2}), REFUSED
    yield "negative tokens", lambda: asking({"model": "gpt", "prompt": [-1], "max_tokens": 2}), REFUSED
    yield "10,000 prompts", lambda: asking({"model": "gpt", "prompt": ["a"] * 10_000, "max_tokens": 2}), REFUSED
    said = [{"role": "user", "content": "a"}] * 20_000
    yield "20,000 messages", lambda: asking({"model": "gpt-chat", "messages": said}, "/v1/chat/completions"), EITHER
    seen = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://127.0.0.1:1/a.png"}}]}]
    yield (
        "an address of a picture",
        lambda: asking({"model": "gpt-chat", "messages": seen}, "/v1/chat/completions"),
        REFUSED,
    )
    huge = {"model": "tab-ar", "n": 1, "given": {"a" * 10_000: [[]]}}
    yield "a column of lists", lambda: asking(huge, "/v1/tables"), REFUSED
    yield "latents of none", lambda: asking({"model": "flow", "latents": [[]]}, "/v1/latents"), REFUSED
    yield "latents beyond numbers", lambda: asking({"model": "flow", "latents": [[1e300] * 64]}, "/v1/latents"), EITHER


MODEL = text("model", "ddpm")


def files() -> Iterator[Case]:
    """Pictures, sounds and forms that lie about themselves."""
    hole = io.BytesIO()
    Image.fromarray(np.zeros((8, 8, 4), np.uint8)).save(hole, "PNG")
    good = hole.getvalue()
    other = io.BytesIO()
    Image.fromarray(np.zeros((9, 5, 4), np.uint8)).save(other, "PNG")
    for name, data in {
        "a picture of 50,000 x 50,000": lambda: png(50_000, 50_000),
        "a picture of 2^31 columns": lambda: png(2**31 - 1, 1),
        "a picture without pixels": lambda: png(0, 0),
        "a picture cut off": lambda: good[: len(good) // 2],
        "a drawing": lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        "a program and a picture": lambda: b"#!/bin/sh\n" + good,
        "PostScript": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(%pipe%id) (w) file\n",
        "an empty file": lambda: b"",
        "a text": lambda: b"http://127.0.0.1:1/a.png",
    }.items():
        yield name, lambda data=data: form(MODEL, file("image", data())), REFUSED
    texts = b"a\0\0\0\0\0" + b"b" * 100
    for name, data in {
        "a picture of 1 x 1": lambda: png(1, 1),
        "10,000 frames": lambda: animated(10_000),
        "a broken profile": lambda: png(8, 8, chunk(b"iCCP", b"a\0\0" + zlib.compress(b"\0" * 5_000_000))),
        "a bomb in a text": lambda: png(8, 8, chunk(b"zTXt", b"a\0\0" + zlib.compress(b"a" * 50_000_000))),
        "1,000 texts": lambda: png(8, 8, *[chunk(b"iTXt", texts)] * 1000),
    }.items():
        yield name, lambda data=data: form(MODEL, file("image", data())), EITHER
    yield "a mask of another size", lambda: form(MODEL, file("image", good), file("mask", other.getvalue())), REFUSED
    yield "two pictures", lambda: form(MODEL, file("image", good), file("image", good)), REFUSED
    yield "no picture", lambda: form(MODEL), REFUSED
    yield "a picture as a field", lambda: form(MODEL, text("image", "x")), REFUSED
    yield "a name that leads elsewhere", lambda: form(MODEL, file("image", good, "..\\..\\..\\etc\\passwd")), EITHER
    yield "words for numbers", lambda: form(MODEL, file("image", good), text("n", "1e9"), text("seed", "x")), REFUSED
    yield "a form without boundary", lambda: form(MODEL, kind="multipart/form-data"), REFUSED
    yield "a long boundary", lambda: form(MODEL, kind=f"multipart/form-data; boundary={'b' * 20_000}"), REFUSED
    yield "a form cut off", lambda: form(MODEL, file("image", good), end=b""), REFUSED
    yield "2,000 fields", lambda: form(MODEL, *(text(f"f{i}", "x") for i in range(2000))), REFUSED
    yield "a header of 900 KB", lambda: form(b"X: " + b"a" * 900_000 + b"\r\n\r\nx"), REFUSED
    yield "JSON for a form", lambda: asking("{}", "/v1/images/edits"), REFUSED
    for name, sound in {
        "a sound that says 4 GB": lambda: wav(10, 2**32 - 1),
        "a sound of 65,535 channels": lambda: wav(10, channels=65_535),
        "a sound of rate 0": lambda: wav(10, rate=0),
        "a sound of rate 2^32 - 1": lambda: wav(10, rate=2**32 - 1),
        "an empty sound": lambda: wav(0),
        "Ogg without end": lambda: b"OggS" + b"\0" * 1000,
        "FLAC of nothing": lambda: b"fLaC" + b"\xff" * 1000,
    }.items():
        yield (
            name,
            lambda sound=sound: asking(
                {"model": "flow-sounds", "item": base64.b64encode(sound()).decode(), "degradation": "clip 0.5"},
                "/v1/restore",
            ),
            EITHER,
        )
    where = {"model": "ddpm", "item": "file:///etc/passwd", "degradation": "downscale 2"}
    yield "an address for a file", lambda: asking(where, "/v1/restore"), REFUSED
    code = {"model": "ddpm", "item": base64.b64encode(good).decode(), "degradation": "__import__('os') | blur 1e9"}
    yield "code for a degradation", lambda: asking(code, "/v1/restore"), REFUSED


def protocol() -> Iterator[Case]:
    """What is no HTTP, or not as others understand it."""
    both = b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /health HTTP/1.1\r\nHost: a\r\n\r\n"
    for name, data in {
        "both lengths": lambda: POST + both,
        "two lengths": lambda: POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        "a negative length": lambda: POST + b"Content-Length: -5\r\n\r\n",
        "a length of 2^70": lambda: POST + f"Content-Length: {2**70}\r\n\r\n".encode(),
        "a length of words": lambda: POST + b"Content-Length: five\r\n\r\n",
        "a short body": lambda: POST + b"Content-Length: 99\r\n\r\n{",
        "parts of words": lambda: POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        "parts of 2^64": lambda: POST + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\na",
        "an unknown encoding": lambda: POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "a header of 1 MB": lambda: GET + b"X: " + b"a" * 1_000_000 + b"\r\n\r\n",
        "10,000 headers": lambda: GET + b"".join(b"X%d: a\r\n" % i for i in range(10_000)) + b"\r\n",
        "an address of 1 MB": lambda: b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        "HTTP/2": lambda: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "TLS": lambda: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500,
        "all bytes": lambda: bytes(range(256)) * 8,
        "a half head": lambda: GET + b"X: ",
        "NUL in a header": lambda: GET + b"X: a\0b\r\n\r\n",
        "no host": lambda: b"GET /v1/models HTTP/1.1\r\n\r\n",
        "HTTP/1.0 without host": lambda: b"GET /v1/models HTTP/1.0\r\n\r\n",
        "another host": lambda: GET.replace(b"127.0.0.1", b"evil.example") + b"\r\n",
        "another site": lambda: asking("{}", kind="text/plain", headers="Origin: http://evil.example\r\n"),
        "another method": lambda: GET.replace(b"GET", b"BREW") + b"\r\n",
        "TRACE": lambda: GET.replace(b"GET", b"TRACE") + b"\r\n",
        "CONNECT": lambda: b"CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    }.items():
        yield name, data, CUT | {501}
    for name, data in {
        "HTTP/9": lambda: GET.replace(b"1.1", b"9.9") + b"\r\n",
        "a folded header": lambda: GET + b"X: a\r\n b\r\n\r\n",
        "a whole address": lambda: GET.replace(b"/v1", b"http://127.0.0.1/v1") + b"\r\n",
        "10,000 ranges": lambda: GET.replace(b"/v1/models", b"/docs") + b"Range: bytes=" + b"0-1," * 7000 + b"\r\n\r\n",
        "a web socket": lambda: (
            GET + b"Upgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n"
        ),
        "a forged address": lambda: GET + b"X-Forwarded-For: ;drop\r\nX-Forwarded-Proto: javascript\r\n\r\n",
        "an id with a newline": lambda: GET + b"X-Request-Id: a%0d%0aSet-Cookie: b\r\n\r\n",
        "parameters": lambda: GET.replace(b"models", b"models?" + b"a[]=1&" * 4000) + b"\r\n",
    }.items():
        yield name, data, EITHER
    for name in (
        "../../etc/passwd",
        "..%2f..%2fetc%2fpasswd",
        "%252e%252e%252f",
        "/etc/passwd",
        "gpt%00",
        "%ff%fe",
        "..\\x",
    ):
        path = name.encode()
        yield (
            f"a model called {name}",
            lambda path=path: GET.replace(b"models ", b"models/" + path + b" ") + b"\r\n",
            CUT,
        )
    outside = {"model": "../runs/gpt", "prompt": "a"}
    yield "a model elsewhere", lambda: asking(outside), REFUSED


def cases() -> list[Case]:
    """All of them."""
    return [*json_bodies(), *numbers(), *files(), *protocol()]

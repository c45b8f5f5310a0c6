"""The description of the routes: what it says is so, and no request made from it breaks the server."""

from __future__ import annotations

import json
import re
import warnings
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.serving.fakes import FakeShelf
from zaohua.serving.app import create_app
from zaohua.serving.settings import Settings


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return create_app(FakeShelf({}, {}), Settings()).openapi()


def test_every_route_is_described(described: dict[str, Any]) -> None:
    assert {path.removeprefix("/v1/") for path in described["paths"]} == {
        "models", "models/{model}", "chat/completions", "completions", "responses", "images/generations",
        "images/edits", "audio/speech", "samples", "scores", "latents", "restore", "tables",
    }  # fmt: skip
    for methods in described["paths"].values():
        for operation in methods.values():
            assert operation["description"] and "4XX" in operation["responses"]
            assert "422" not in operation["responses"]


def test_page_needs_no_other_host(address: str) -> None:
    answer = httpx.get(f"{address}/docs")  # a browser can't send a key before it has the page
    assert answer.status_code == 200 and "/v1/chat/completions" in answer.text
    assert not re.findall(r"(?:src|href)=\"(?:https?:)?//", answer.text)
    policy = answer.headers["content-security-policy"]
    nonce = re.search(r"script-src 'nonce-([\w-]+)'", policy)
    assert "default-src 'none'" in policy and nonce and f'<script nonce="{nonce[1]}">' in answer.text
    assert httpx.get(f"{address}/openapi.json").status_code == 200
    assert httpx.get(f"{address}/v1/models").status_code == 401
    schema = re.search(r'id="schema" nonce="[\w-]+">(.*?)</script>', answer.text, re.S)
    assert schema and json.loads(schema[1])["openapi"]


def operations(described: dict[str, Any]) -> list[Any]:
    """The operations as schemathesis reads them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import schemathesis

        schema = schemathesis.openapi.from_dict(described)
    return [result.ok() for result in schema.get_all_operations()]


def attacked(described: dict[str, Any], address: str, models: list[str], examples: int) -> None:
    """Send requests that the description allows; none may break the server."""
    for operation in operations(described):

        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(), model=st.sampled_from(models))
        def attack(case: Any, model: str) -> None:
            if isinstance(case.body, dict):
                case.body["model"] = model
            answer = case.call(base_url=address, headers={"Authorization": "Bearer secret"}, timeout=60)
            assert answer.status_code < 500, answer.text
            if answer.status_code >= 400:
                assert answer.json()["error"]["message"]

        attack()


def test_nothing_described_breaks_the_server(described: dict[str, Any], address: str, loaded: dict[str, Any]) -> None:
    attacked(described, address, list(loaded), 3)


@pytest.mark.slow
def test_nothing_at_all_breaks_the_server(described: dict[str, Any], address: str, loaded: dict[str, Any]) -> None:
    attacked(described, address, list(loaded), 200)

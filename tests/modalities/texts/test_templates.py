"""Chat templates run in a sandbox with limits, and say in one line what they refuse."""

from __future__ import annotations

import time

import pytest
from tests import vocabularies

from zaohua.core.errors import ZaohuaError
from zaohua.modalities.texts import sandbox
from zaohua.modalities.texts.templates import ChatTemplate

HOSTILE = {
    "endless": "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "left out": "{% for i in range(99999) %}{% for j in range(99999) if j < 0 %}{% endfor %}{% endfor %}",
    "macro": "{% macro f(n) %}{{ f(n - 1) if n }}{{ f(n - 1) if n }}{% endmacro %}{{ f(40) }}",
    "recursion": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "times": "{{ 'a' * 10 ** 10 }}",
    "power": "{{ 10 ** 10 ** 10 }}",
    "number": "{% set ns = namespace(x=7) %}{% for i in range(99) %}{% set ns.x = ns.x * ns.x %}{% endfor %}",
    "plus": "{% set ns = namespace(x='abcd') %}{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
    "list": "{% set ns = namespace(x=[1]) %}{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
    "tilde": "{% set ns = namespace(x='abcd') %}{% for i in range(99) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
    "nested": "{% set ns = namespace(x=1) %}{% for i in range(50)%}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
    "block": "{% set ns = namespace(x='a') %}{% for i in range(99) %}{% set ns.x %}{{ ns.x }}{{ ns.x }}{% endset %}"
    "{% endfor %}",
    "replace": "{% set a = 'a' * 9999 %}{{ a.replace('a', a) }}",
    "replace filter": "{% set a = 'a' * 9999 %}{{ a | replace('a', a) }}",
    "join": "{{ ('a' * 9999).join(('a' * 9999) | list) }}",
    "width": "{{ 'a'.ljust(10 ** 9) }}",
    "format": "{{ '{:1000000000}'.format(1) }}",
    "percent": "{{ '%1000000000d' % 1 }}",
    "centre": "{{ 'a' | center(10 ** 9) }}",
    "indent": "{{ 'a' | indent(10 ** 9) }}",
    "json": "{{ [1] | tojson(indent=10 ** 9) }}",
    "written": "{% for i in range(99999) %}" + "a" * 999 + "{% endfor %}",
    "constants": "{% macro f() %}{% for i in range(99999) %}" + "a" * 999 + "{% endfor %}{% endmacro %}{{ f() }}",
    "class": "{{ ''.__class__.__mro__ }}{{ ''.__class__.__base__.__subclasses__() }}",
    "namespace": "{% set ns = namespace() %}{% set ns.__init__ = 1 %}",
    "change": "{{ messages.append(1) }}",
    "import": "{% include 'a' %}",
    "refusal": "{{ raise_exception('no\nway') }}",
    "divide": "{{ 1 / 0 }}",
    "missing": "{{ a.b.c }}",
}


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE)
def test_hostile_templates_end(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "SECONDS", 0.3)
    began = time.process_time()
    with pytest.raises(ZaohuaError, match="the chat template (can't be read|refuses the dialogue): .") as caught:
        ChatTemplate(source).render([], {}, False)
    assert "\n" not in str(caught.value) and time.process_time() - began < 2


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{% for m in messages %}{% if m.role == 'b' %}{% break %}{% endif %}{{ m.content }}{% endfor %}", "<x>"),
        ("{{ messages | tojson }}", '[{"role": "a", "content": "<x>"}, {"role": "b", "content": "é"}]'),
        ("{{ messages[0] | tojson(indent=2) }}", '{\n  "role": "a",\n  "content": "<x>"\n}'),
        ("{% generation %}{{ messages[0].content }}{% endgeneration %}!", "<x>!"),
        ("  {% if true %}\na\n  {% endif %}\nb", "a\nb"),
        ("{{ messages | map(attribute='role') | join('-') }}{{ 'a,b'.split(',') | join('+') }}", "a-ba+b"),
        ("{{ bos_token }}{{ eos_token }}{{ 1 ~ 'x' ~ none }}{{ 2 + 3 * 4 }}", "<s>1xNone14"),
        ("{{ strftime_now('%d %b %Y') }}", "26 Jul 2024"),
        (
            "{{ 'a\nb' | indent(2) }}|{{ 'aXbX'.replace('X', '-') }}|{{ 'aXbX' | replace('X', '', 1) }}",
            "a\n  b|a-b-|abX",
        ),
        ("{% macro f(x) %}[{{ x }}]{% endmacro %}{{ f(1) }}{{ f('a' if add_generation_prompt else 'b') }}", "[1][b]"),
    ],
)
def test_what_templates_use(source: str, text: str) -> None:
    messages = [{"role": "a", "content": "<x>"}, {"role": "b", "content": "é"}]
    assert ChatTemplate(source).render(messages, {"bos_token": "<s>"}, False) == text


def test_limits_of_the_template_itself() -> None:
    with pytest.raises(ZaohuaError, match="the chat template has 131,073 characters, more than 131,072"):
        ChatTemplate("a" * ((1 << 17) + 1))
    with pytest.raises(ZaohuaError, match="a chat template must be a text, not"):
        ChatTemplate(3)  # type: ignore[arg-type]
    assert ChatTemplate([{"name": "x", "template": "a"}, {"name": "default", "template": "b"}]).source == "b"


def test_templates_that_use_much_are_as_transformers_renders_them() -> None:
    from transformers.utils.chat_template_utils import render_jinja_template

    names = {"bos_token": "<s>", "eos_token": "</s>"}
    chat = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "<think>\nx\n</think>\n\nb"}]
    for source in (vocabularies.QWEN_3, vocabularies.CHATML, vocabularies.PHI_3, vocabularies.LLAMA_2):
        for messages in (chat, chat[:1], [*chat, *chat]):
            for asks in (False, True):
                want = render_jinja_template([messages], chat_template=source, add_generation_prompt=asks, **names)[0][
                    0
                ]
                assert ChatTemplate(source).render(messages, names, asks) == want
    text = ChatTemplate(vocabularies.SMOLLM_3).render(chat, {}, True)
    assert text.startswith("<|im_start|>system\nToday Date: 26 July 2024<|im_end|>") and "<think>\nx" in text

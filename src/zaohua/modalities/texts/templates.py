"""Chat templates: programs in Jinja that write the messages of a dialogue as the text that a model was trained on.

They come with weights from outside, so they run in a sandbox.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import jinja2

from zaohua.core.errors import ZaohuaError, named
from zaohua.modalities.texts.sandbox import Counted, Environment, Refused, limited

LONGEST = 1 << 17
"""Number of characters of a template."""


class ChatTemplate:
    """Chat template.

    Args:
        source: the template, or several as a list of `{"name", "template"}`, of which "default" is taken.

    Attributes:
        source: its text.

    Raises:
        ZaohuaError: it isn't a template.
    """

    def __init__(self, source: str | Sequence[Mapping[str, str]]):
        self.source = _chosen(source)
        if len(self.source) > LONGEST:
            raise ZaohuaError(f"the chat template has {len(self.source):,} characters, more than {LONGEST:,}")
        environment = Environment()
        try:
            tree = Counted(environment).visit(environment.parse(self.source))
            code = environment.compile(tree)
            self._template = jinja2.Template.from_code(environment, code, environment.make_globals(None))
        except (jinja2.TemplateError, RecursionError, Refused, SyntaxError, ValueError) as error:
            line = f"line {error.lineno}: " if isinstance(error, jinja2.TemplateSyntaxError) else ""
            raise ZaohuaError(f"the chat template can't be read: {line}{_short(error)}") from None

    def render(self, messages: Iterable[Mapping[str, str]], names: Mapping[str, str], asks: bool) -> str:
        """Write messages.

        Args:
            messages: `{"role", "content"}` of each.
            names: texts of special tokens, such as `{"bos_token": "<s>"}`.
            asks: whether to end with the beginning of an answer.

        Raises:
            ZaohuaError: the template refuses them, or takes too long.
        """
        values = {"messages": [dict(message) for message in messages], "add_generation_prompt": asks, **names}
        parts = list[str]()
        try:
            with limited() as budget:
                for part in self._template.generate(**values):
                    budget.spend(len(part))
                    parts.append(part)
        except Exception as error:  # whatever the operations of a program may raise
            raise ZaohuaError(f"the chat template refuses the dialogue: {_short(error)}") from None
        return "".join(parts)


def _chosen(source: object) -> str:
    """Return the template that is to be used of several."""
    if isinstance(source, str):
        return source
    if isinstance(source, Sequence) and all(isinstance(each, Mapping) for each in source):
        found = {str(each.get("name")): each.get("template") for each in source}
        if isinstance(default := found.get("default"), str):
            return default
        raise ZaohuaError(f"none of the chat templates ({', '.join(found)[:80] or 'an empty list'}) is named default")
    raise ZaohuaError(f"a chat template must be a text, not {named(source)}")


def _short(error: Exception) -> str:
    """Return the message of an error in one line."""
    if isinstance(error, RecursionError):
        return "it calls itself too often"
    return " ".join(str(error).split())[:200] or type(error).__name__

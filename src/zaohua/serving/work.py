"""What routes ask of engines, and what engines give back.

This module imports nothing heavy, so that the server answers before any model is loaded.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from zaohua.core.json import Json

if TYPE_CHECKING:
    from zaohua.estimator.base import GenerativeModel

Finish = Literal["stop", "length"]
"""Why a text ended: by itself or at a stop sequence; or because it reached its maximum number of tokens."""
ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class TextWork:
    """Texts to write after one prompt.

    Attributes:
        prompt: text, tokens, or messages of a dialogue (`{"role": ..., "content": ...}`), which are answered.
        n: number of texts.
        seed: seed of all of them, split as `core.noise.seeds_for` does, so that the first of two is the one alone; None
            for fresh ones.
        y: condition of the texts, if the model was fitted with conditions; None draws it as in training.
        options: the model's options of sampling by name (`temperature`, `max_tokens`, `stop`, `suffix` ...).
        bias: numbers added to the logits of some tokens.
        presence_penalty: number subtracted from the logit of each token that the text holds already.
        frequency_penalty: number subtracted from it for each time that the text holds it.
        top_logprobs: number of most likely tokens to tell of at each place; None for no log-probabilities at all.
        echo: whether the text begins with the prompt, whose log-probabilities are told, too.
    """

    prompt: str | Sequence[int] | Sequence[Json]
    n: int = 1
    seed: int | None = None
    y: object = None
    options: Mapping[str, object] = field(default_factory=dict)
    bias: Mapping[int, float] = field(default_factory=dict)
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    top_logprobs: int | None = None
    echo: bool = False


@dataclass(frozen=True)
class TokenChance:
    """A token that was written: its text, its log-probability in nats, and the most likely tokens in its place.

    Log-probabilities are of the model before temperature, penalties and bias.
    """

    text: str
    logprob: float | None
    top: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Piece:
    """A part of one of the texts.

    Attributes:
        index: which text.
        text: what is added to it; never half a letter, and never a part of a stop sequence.
        tokens: the tokens written since the last piece, if log-probabilities were asked for.
        finish: why the text ends here; None if it goes on.
    """

    index: int
    text: str
    tokens: tuple[TokenChance, ...] = ()
    finish: Finish | None = None


@dataclass(frozen=True)
class TextUsage:
    """Numbers of tokens that were read and written, and what was left out of the prompt, in words."""

    prompt: int
    written: int
    notes: tuple[str, ...] = ()


class Writing(Protocol):
    """Texts that are being written: iterate over their pieces, in the order in which they come.

    They are being written from `Engine.write` on, whether or not somebody iterates, until all are finished or `close`
    is called, after which their rows are free within two steps.
    """

    @property
    def usage(self) -> TextUsage:
        """Tokens so far."""
        ...

    def __aiter__(self) -> AsyncIterator[Piece]:
        """Yield pieces; the last of each text has a `finish`.

        Raises:
            ZaohuaError: the request can't be done (raised before the first piece).
        """
        ...

    def close(self) -> None:
        """Stop the writing; nothing happens if it is over."""
        ...


@dataclass(frozen=True)
class ItemsWork:
    """Items of any kind to make.

    Attributes:
        n: number of items.
        seed: seed of all of them, split as `core.noise.seeds_for` does; None for fresh ones.
        y: condition of each item, or one for all; None draws them as in training.
        options: the model's options of sampling by name.
    """

    n: int = 1
    seed: int | None = None
    y: object = None
    options: Mapping[str, object] = field(default_factory=dict)


class Engine(Protocol):
    """One model and the thread that computes for it; all methods are called on the event loop."""

    @property
    def running(self) -> int:
        """Number of rows and items that are being computed."""
        ...

    @property
    def waiting(self) -> int:
        """Number of rows and items that wait for a place."""
        ...

    @property
    def load_seconds(self) -> float:
        """Seconds that the model took to load."""
        ...

    def watch(self, seen: Callable[[int], None]) -> None:
        """Call a function after each step, on the engine's thread, with the number of rows and items of the step."""
        ...

    def write(self, work: TextWork) -> Writing:
        """Write texts (token models), together with those of other requests.

        Raises:
            Full: the queue is full.
        """
        ...

    async def make(self, work: ItemsWork) -> Any:
        """Make items, in one batch with those of other requests of the same options; return them as `sample` does.

        Raises:
            Full: the queue is full.
            ZaohuaError: the request can't be done.
        """
        ...

    async def call(self, function: Callable[[GenerativeModel], ResultT], size: int = 1) -> ResultT:
        """Return function(model), computed on the engine's thread between batches.

        Args:
            function: what to compute, such as scores or a restored picture.
            size: number of items that it works on, which the queue counts.

        Raises:
            Full: the queue is full.
        """
        ...


class Full(Exception):
    """The queue is full; the client may try again.

    Attributes:
        retry_after: seconds after which there may be a place, 1 to 120.
    """

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"too many requests wait: try again in {retry_after} s")
        self.retry_after = retry_after


@dataclass(frozen=True)
class ModelCard:
    """Facts about a model that are known without loading it.

    Attributes:
        id: name of the run's folder, by which requests name it.
        kind: class of the model, such as "GPT".
        modality: kind of data ("texts", "images", "sounds", "music", "tables", ...).
        created: time at which it was saved, in seconds since 1970.
        capabilities: what it can do: those of `core.primitives.METHODS` that it has ("sample", "score_samples" ...;
            "chat" only if it learnt dialogues), "suffix" if it fills in the middle of texts, and "restore" if the task
            may.
        labels: labels that it was conditioned on; empty if it has none.
        options: its options of sampling by name, with their values in the run (`temperature`, `max_tokens`, `steps`).
        facts: what else clients may use (size of pictures, sample rate, context, vocabulary, columns), as JSON values.
    """

    id: str
    kind: str
    modality: str
    created: int
    capabilities: frozenset[str] = frozenset()
    labels: tuple[str, ...] = ()
    options: Mapping[str, object] = field(default_factory=dict)
    facts: Mapping[str, object] = field(default_factory=dict)


class Shelf(Protocol):
    """The served models: loaded when first asked for, and the least recently used given up within a memory limit."""

    @property
    def cards(self) -> Mapping[str, ModelCard]:
        """Card of each model by its id, in the order in which they were given."""
        ...

    @property
    def ready(self) -> bool:
        """Whether the models that are loaded at the start are there."""
        ...

    @property
    def loaded(self) -> Mapping[str, Engine]:
        """Engine of each model that is in memory now, by its id."""
        ...

    async def start(self) -> None:
        """Begin to load the models that are wanted at the start; return at once."""
        ...

    async def engine(self, model: str) -> Engine:
        """Return the engine of a model, which is loaded if it isn't there.

        Raises:
            KeyError: there is no such model.
            ZaohuaError: it can't be loaded.
        """
        ...

    async def close(self) -> None:
        """Stop the engines after their present work; what is asked of them meanwhile is refused (`Full`)."""
        ...

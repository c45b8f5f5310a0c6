"""Texts for many requests at once: a request becomes rows of tokens, and tokens become pieces of text."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import cast

from torch import Tensor

from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import ItemNoise
from zaohua.estimator.base import GenerativeModel
from zaohua.families.autoregressive.slots import Row, Step, TokenLoop
from zaohua.families.autoregressive.texts import TextModel
from zaohua.families.autoregressive.writing import Text
from zaohua.serving.jobs import Report, TextJob
from zaohua.serving.settings import Settings
from zaohua.serving.work import Piece, TextUsage, TextWork, TokenChance


@dataclass(eq=False)
class Written:
    """One of the texts of a request.

    Attributes:
        job: the request.
        index: which of its texts.
        row: its tokens.
        text: what becomes of them.
        chances: what is known of the tokens whose text isn't released yet.
    """

    job: TextJob
    index: int
    row: Row
    text: Text
    chances: list[TokenChance] = field(default_factory=list)


class TextLane:
    """Writes texts, a token of each at a time.

    Args:
        model: the model.
        settings: the server's settings.
    """

    def __init__(self, model: GenerativeModel, settings: Settings) -> None:
        self.model, self.settings = model, settings
        self._loop = TokenLoop(settings.slots)
        self._waiting: deque[TextJob | Written] = deque()
        self._rows: dict[Row, Written] = {}

    @property
    def busy(self) -> bool:
        """Whether there is anything to write."""
        return bool(self._waiting or self._rows)

    def add(self, job: TextJob) -> None:
        """Take a request."""
        self._waiting.append(job)

    def step(self, report: Report) -> None:
        """Write one token of each row that has a place."""
        for written in [written for written in self._rows.values() if written.job.cancelled]:
            self._leave(written, report)
        self._join(report)
        try:
            steps = self._loop.step()
        except Exception as error:  # such as too little memory: nothing is known of which row it was
            for job in {written.job for written in self._rows.values()}:
                self._fail(job, error, report)
            return
        for step in steps:
            self._write(self._rows[step.row], step, report)

    def _join(self, report: Report) -> None:
        """Give free places to rows that wait, in their order."""
        while self._waiting and self._loop.free:
            first = self._waiting.popleft()
            if isinstance(first, TextJob):
                self._waiting.extendleft(reversed(self._rows_of(first, report)))
            elif first.job.cancelled or not first.job.left:
                report.admit(1)
                report.finish(first.job, 1 if first.job.left else 0)
            else:
                report.admit(1)
                self._rows[first.row] = first
                self._loop.join(first.row)

    def _rows_of(self, job: TextJob, report: Report) -> list[Written]:
        """Return the texts of a request, which begin with what is echoed; none if it can't be done."""
        try:
            if job.cancelled:
                raise ZaohuaError("the request was given up")
            texts = list(self._texts(job))
        except Exception as error:
            report.admit(job.size)
            report.fail(job, error)
            return []
        return texts

    def _texts(self, job: TextJob) -> Iterator[Written]:
        work = job.work
        if not isinstance(self.model, TextModel):
            raise ZaohuaError(f"a {type(self.model).__name__} writes no texts: ask for samples")
        model = self.model.with_options(**work.options)
        opening, answers = opening_of(model, work)
        noise = ItemNoise(model.seeds_for_sampling(work.seed, work.n), model.device_)
        _, codes = model.sample_conditions(work.n, work.y)
        if codes is None and model.y_codec_ is not None:
            codes = model.y_codec_.draw(noise)
        y = model.prepare_conditions(codes, noise)
        u, room = noise.uniform(model.max_tokens), model.room(len(opening), answers)
        choice = model.choice()
        choice = replace(choice, bias={**choice.bias, **_added(choice.bias, work, model.spec_.channels)})
        job.usage = TextUsage(len(opening), 0)
        for i in range(work.n):
            own = None if y is None else y[i : i + 1]
            row = Row(
                list(opening),
                u[i],
                choice,
                model.decoder(own),
                model.context,
                own,
                work.presence_penalty,
                work.frequency_penalty,
            )
            yield Written(job, i, row, model.text(room, answers))

    def _write(self, written: Written, step: Step, report: Report) -> None:
        """Add a token to a text, and give what can be released of it."""
        job, text = written.job, written.text
        piece = text.add(step.token)
        if step.token != cast(TextModel, self.model).codec_.end_:
            job.usage = replace(job.usage, written=job.usage.written + 1)
            if job.work.top_logprobs is not None:
                written.chances.append(self._chance(step.token, step.logits, job.work.top_logprobs))
        if piece or text.finish:
            chances, written.chances = tuple(written.chances), []
            report.give(job, Piece(written.index, piece, chances, text.finish))
        if text.finish:
            self._leave(written, report)

    def _chance(self, token: int, logits: Tensor, top: int) -> TokenChance:
        """Return what is known of a token that was chosen by logits (V,)."""
        logprobs, name = logits.float().log_softmax(0), cast(TextModel, self.model).codec_.name
        values, best = logprobs.topk(min(top, len(logprobs)))
        likely = tuple((name(each), value) for each, value in zip(best.tolist(), values.tolist(), strict=True))
        return TokenChance(name(token), float(logprobs[token]), likely)

    def _leave(self, written: Written, report: Report) -> None:
        self._loop.leave(written.row)
        del self._rows[written.row]
        report.finish(written.job, 1)

    def _fail(self, job: TextJob, error: Exception, report: Report) -> None:
        """Give an error to a request, and remove its rows."""
        report.give(job, error)
        for written in [written for written in self._rows.values() if written.job is job]:
            self._leave(written, report)
        job.cancelled = True


def opening_of(model: TextModel, work: TextWork) -> tuple[list[int], bool]:
    """Return the tokens that the texts of a request begin with, and whether they answer messages.

    Raises:
        ZaohuaError: the prompt can't be encoded, or the model doesn't answer.
    """
    if isinstance(work.prompt, str):
        return model.with_options(prompt=work.prompt).opening(), False
    if work.prompt and isinstance(work.prompt[0], int):
        tokens, most = cast(list[int], list(work.prompt)), model.spec_.channels
        if wrong := [token for token in tokens if not 0 <= token < most]:
            raise ZaohuaError(f"the prompt: there is no token {wrong[0]}, only 0 to {most - 1:,}")
        return [model.codec_.begin_, *tokens], False
    return model.asking(cast(list[dict[str, object]], list(work.prompt))), True


def _added(bias: object, work: TextWork, vocabulary: int) -> dict[int, float]:
    """Return a request's bias on top of the model's own.

    Raises:
        ZaohuaError: it names a token that there isn't.
    """
    if wrong := [token for token in work.bias if not 0 <= token < vocabulary]:
        raise ZaohuaError(f"logit_bias: there is no token {wrong[0]}, only 0 to {vocabulary - 1:,}")
    own = cast(dict[int, float], bias)
    return {token: own.get(token, 0.0) + value for token, value in work.bias.items()}

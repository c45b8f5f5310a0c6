"""Texts for many requests at once: a request becomes rows of tokens, and tokens become pieces of text."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import cast

from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import ItemNoise
from zaohua.core.notes import gathered, note
from zaohua.core.record import Condition
from zaohua.estimator.base import GenerativeModel
from zaohua.families.autoregressive.decoding import Decoder
from zaohua.families.autoregressive.slots import Row, Step, TokenLoop
from zaohua.families.autoregressive.texts import TextModel
from zaohua.families.autoregressive.writing import Text
from zaohua.serving.engines.chances import chance, chances_of, told
from zaohua.serving.engines.jobs import ItemsJob, Report, TextJob
from zaohua.serving.settings import Settings
from zaohua.serving.work import Piece, TextWork, TokenChance


@dataclass(eq=False)
class Written:
    """One of the texts of a request.

    Attributes:
        job: the request.
        index: which of its texts.
        row: its tokens.
        text: what becomes of them.
        room: maximum number of tokens.
        head: what it begins with: the prompt, if it is echoed.
        chances: what is known of the tokens whose text isn't released yet.
    """

    job: TextJob
    index: int
    row: Row
    text: Text
    room: int
    head: tuple[str, tuple[TokenChance, ...]] | None
    chances: list[TokenChance] = field(default_factory=list)


class TextLane:
    """Writes texts, a token of each at a time.

    Texts of models with `guidance` are computed one by one, and those of a search (`beams`) as a whole.

    Args:
        model: the model.
        settings: the server's settings.
    """

    gathers = False

    def __init__(self, model: GenerativeModel, settings: Settings) -> None:
        self.model, self.settings = model, settings
        self.codec = cast(TextModel, model).codec_
        self._loop = TokenLoop(model.device_)
        self._waiting: deque[TextJob | list[Written]] = deque()  # requests, and the texts of one that have no place
        self._rows: dict[Row, Written] = {}
        self._decoders: dict[bool, Decoder] = {}

    @property
    def busy(self) -> bool:
        """Whether there is anything to write."""
        return bool(self._waiting or self._rows)

    def add(self, job: TextJob | ItemsJob) -> None:
        """Take a request for texts, in pieces or as a whole."""
        self._waiting.append(job if isinstance(job, TextJob) else whole(cast(TextModel, self.model), job))

    def step(self, report: Report) -> None:
        """Write one token of each row that has a place."""
        for written in [written for written in self._rows.values() if written.job.unwanted]:
            self._loop.leave(written.row)
            self._finish(written, report)
        self._join(report)
        steps = self._loop.step()
        for step in steps.written:
            self._write(self._rows[step.row], step, report)
        for row, error in steps.failed:
            written = self._rows[row]
            self._finish(written, report)
            report.give(written.job, error)
            written.job.failed = True
        for written in [written for written in self._rows.values() if written.job.failed]:
            self._loop.leave(written.row)
            self._finish(written, report)

    def give_up(self, error: Exception, report: Report) -> None:
        """Give an error to all who wait, and forget their jobs."""
        self._loop = TokenLoop(self.model.device_)
        for written in list(self._rows.values()):
            self._finish(written, report)
            report.give(written.job, error)
        for waits in self._waiting:
            job, count = (waits[0].job, len(waits)) if isinstance(waits, list) else (waits, waits.size)
            report.admit(count)
            report.finish(job, count)
            report.give(job, error)
        self._waiting.clear()

    def _join(self, report: Report) -> None:
        """Give free places to rows that wait, in their order."""
        while self._waiting and len(self._rows) < self.settings.slots:
            first = self._waiting.popleft()
            texts = first if isinstance(first, list) else self._begun(first, report)
            if not texts:
                continue
            if texts[0].job.unwanted or texts[0].job.failed:
                report.admit(len(texts))
                report.finish(texts[0].job, len(texts))
                continue
            free = self.settings.slots - len(self._rows)
            if texts[free:]:
                self._waiting.appendleft(texts[free:])
            self._enter(texts[:free], report)

    def _enter(self, texts: list[Written], report: Report) -> None:
        """Give a place to some texts of one request."""
        report.admit(len(texts))
        for written in texts:
            if written.head is not None or not written.room:
                text, chances = written.head or ("", ())
                report.give(written.job, Piece(written.index, text, chances, None if written.room else "length"))
        if not texts[0].room:
            report.finish(texts[0].job, len(texts))
            return
        self._rows |= {written.row: written for written in texts}
        rows = [written.row for written in texts]
        for alike in [rows] if rows[0].y is None else [[row] for row in rows]:
            self._loop.join(alike)

    def _begun(self, job: TextJob, report: Report) -> list[Written]:
        """Return the texts of a request; none if it can't be done, or nobody waits for it."""
        try:
            if not job.unwanted:
                with gathered() as notes:
                    texts = list(self._texts(job))
                job.notes = tuple(notes)
                return texts
        except Exception as error:
            report.give(job, error)
        report.admit(job.size)
        report.finish(job, job.size)
        return []

    def _texts(self, job: TextJob) -> Iterator[Written]:
        """Yield the texts of a request before their first tokens."""
        work = job.work
        if not isinstance(self.model, TextModel):
            raise ZaohuaError(f"a {type(self.model).__name__} writes no texts: ask for samples")
        model, given = asked(self.model, work)
        opening = model.opening() if given is None else given
        if len(opening) > model.context:
            note(f"the prompt is longer than the context: only its last {model.context:,} tokens are read")
        noise = ItemNoise(model.seeds_for_sampling(work.seed, work.n), model.device_)
        _, codes = model.sample_conditions(work.n, work.y)
        if codes is None and model.y_codec_ is not None:
            codes = model.y_codec_.draw(noise)
        y, answers = model.prepare_conditions(codes, noise), given is not None and not _are_tokens(work)
        room = 0 if work.options.get("max_tokens") == 0 else model.room(len(opening), given is not None)
        choice = model.choice()
        choice = replace(choice, bias={**choice.bias, **_added(choice.bias, work, model.spec_.channels)})
        u = [list[float]()] * work.n if model.beams > 1 else noise.uniform(model.max_tokens).tolist()
        job.prompt, head = len(opening), None
        for i in range(work.n):
            own = None if y is None else y[i : i + 1]
            row = Row(
                list(opening),
                u[i],
                choice,
                self._decoder(model, own),
                model.context,
                own,
                presence=work.presence_penalty,
                frequency=work.frequency_penalty,
                wants=work.top_logprobs is not None,
                given=_found(model, own, given) if model.beams > 1 else None,
            )
            text = Text(model.codec_, model.stop, room, begins=answers or not work.prompt)
            if work.echo and (head is None or y is not None):
                head = self._head(model, row, work)
            yield Written(job, i, row, text, room, head)

    def _head(self, model: TextModel, row: Row, work: TextWork) -> tuple[str, tuple[TokenChance, ...]]:
        """Return the prompt as the text that is echoed, and what is known of its tokens."""
        if not isinstance(work.prompt, str) and not _are_tokens(work):
            raise ZaohuaError("echo: messages aren't echoed, only the text of a prompt")
        text = work.prompt if isinstance(work.prompt, str) else self.codec.plain(row.tokens)
        if work.top_logprobs is None:
            return text, ()
        if model.suffix:
            raise ZaohuaError("echo: with a suffix there are no log-probabilities of the prompt: leave one of them out")
        if row.y is not None and model.guide is not None:
            raise ZaohuaError("echo: with guidance there are no log-probabilities of the prompt: leave one of them out")
        return text, chances_of(model, row.tokens, row.y, work.top_logprobs)

    def _decoder(self, model: TextModel, y: Condition | None) -> Decoder:
        """Return the decoder of a model, the same one each time, so that rows are computed together."""
        if y is not None and model.guide is not None:
            return model.decoder(y)
        if model.int8 not in self._decoders:
            self._decoders[model.int8] = model.decoder(None)
        return self._decoders[model.int8]

    def _write(self, written: Written, step: Step, report: Report) -> None:
        """Add a token to a text, and give what can be released of it."""
        job, text = written.job, written.text
        piece = text.add(step.token)
        if step.token != self.codec.end_:
            job.written += 1
            if step.logits is not None and job.work.top_logprobs is not None:
                written.chances.append(chance(self.codec, step.token, step.logits, job.work.top_logprobs))
        if piece or text.finish:
            by_stop = text.finish == "stop" and step.token != self.codec.end_
            chances, written.chances = tuple(told(written.chances, piece) if by_stop else written.chances), []
            report.give(job, Piece(written.index, piece, chances, text.finish))
        if text.finish:
            self._loop.leave(written.row)
            self._finish(written, report)

    def _finish(self, written: Written, report: Report) -> None:
        """Count a text that has left."""
        del self._rows[written.row]
        report.finish(written.job, 1)


def whole(model: TextModel, job: ItemsJob) -> TextJob:
    """Return a request for texts as `sample` returns them: with prompt and suffix, and all at once."""
    work, options = job.work, dict(job.work.options)
    before, after = str(options.pop("prompt", model.prompt)), str(options.get("suffix", model.suffix))
    texts, left = [before] * work.n, work.n

    def give(value: object) -> None:
        nonlocal left
        if not isinstance(value, Piece):  # an error
            job.give(value)
            return
        texts[value.index] += value.text
        left -= value.finish is not None
        if not left:
            job.give([text + after for text in texts])

    return TextJob(TextWork(before, work.n, work.seed, work.y, options), give, job)


def _found(model: TextModel, y: Condition | None, opening: list[int] | None) -> Iterator[int]:
    """Yield the tokens that a search finds; they are found when the first is asked for."""
    rows = model.tokens(ItemNoise([0], model.device_), y, opening)
    next(rows)
    yield from map(int, rows)


def asked(model: TextModel, work: TextWork) -> tuple[TextModel, list[int] | None]:
    """Return a model with the options of a request, and the tokens that its texts begin with, if it isn't a text.

    Raises:
        ZaohuaError: an option is wrong, a token isn't one, or the model doesn't answer messages.
    """
    options = dict(work.options)
    if options.get("max_tokens") == 0:  # nothing is written, as who wants to know the chances of a prompt asks for
        del options["max_tokens"]
    model = model.with_options(**options)
    if isinstance(work.prompt, str):
        return model.with_options(prompt=work.prompt), None
    if _are_tokens(work):
        tokens, most = cast(list[int], list(work.prompt)), model.spec_.channels
        if wrong := [token for token in tokens if not 0 <= token < most]:
            raise ZaohuaError(f"the prompt: there is no token {wrong[0]}, only 0 to {most - 1:,}")
        return model, [model.codec_.begin_, *tokens]
    return model, model.asking(cast(list[dict[str, object]], list(work.prompt)))


def _are_tokens(work: TextWork) -> bool:
    """Return whether a prompt is given in tokens."""
    return not isinstance(work.prompt, str) and (not work.prompt or isinstance(work.prompt[0], int))


def _added(bias: object, work: TextWork, vocabulary: int) -> dict[int, float]:
    """Return a request's bias on top of the model's own.

    Raises:
        ZaohuaError: it names a token that there isn't.
    """
    if wrong := [token for token in work.bias if not 0 <= token < vocabulary]:
        raise ZaohuaError(f"logit_bias: there is no token {wrong[0]}, only 0 to {vocabulary - 1:,}")
    own = cast(dict[int, float], bias)
    return {token: own.get(token, 0.0) + value for token, value in work.bias.items()}

"""Autoregressive models of texts: sums to one, cached = uncached, alone = in a batch, a stream = the whole text."""

from __future__ import annotations

import itertools
import time
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import zaohua as zh
from tests.shaken import shaken
from zaohua.core.errors import ZaohuaError
from zaohua.core.spec import DataSpec, Feature
from zaohua.families.autoregressive import drafts
from zaohua.families.autoregressive.decoding import generate, guided
from zaohua.families.autoregressive.surprisal import surprisal
from zaohua.families.autoregressive.token_sampler import TokenSampler
from zaohua.families.guidance import guidance_of
from zaohua.nn.blueprint import Blueprint
from zaohua.nn.int8 import int8
from zaohua.nn.packing import packed
from zaohua.nn.recurrent import Recurrent
from zaohua.nn.transformer import Transformer
from zaohua.nn.wavenet import WaveNet

V, CONTEXT = 5, 8
LABELS = DataSpec(axes=(), shape=(), features=(Feature("label", "category", size=3),))
NETS = {
    "zaohua": lambda y: Transformer(V, y, context=CONTEXT, width=16, layers=2, heads=2),
    "gpt2": lambda y: Transformer(V, y, context=CONTEXT, width=16, layers=2, heads=2, architecture="gpt2"),
    "lstm": lambda y: Recurrent(V, y, width=8, layers=2, cell="lstm"),
    "gru": lambda y: Recurrent(V, y, width=8, layers=1, cell="gru"),
    "wavenet": lambda y: WaveNet(V, y, width=8, skip=8, layers=2, stacks=1),
}
TEXT = "the cat sat on the mat. a rat ran at the cat! " * 40


def make_net(name: str, y: DataSpec | None = None) -> Any:
    """A network with weights large enough to have opinions."""
    torch.manual_seed(3)
    return shaken(NETS[name](y).eval(), 0.5)


@pytest.fixture(scope="module", params=["GPT", "CharRNN"])
def model(request: Any) -> Any:
    cls = getattr(zh, request.param)
    settings = {**cls.tiny, "max_steps": 60, "warmup_steps": 5, "learning_rate": 1e-2, "max_tokens": 40}
    return cls(**settings, random_state=0, device="cpu", precision="float32").fit([TEXT])


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("name", NETS)
class TestNetworks:
    def test_probabilities_of_all_sequences_sum_to_one(self, name: str, conditional: bool) -> None:
        net, n = make_net(name, LABELS if conditional else None), 4
        x = torch.tensor([(0, *rest) for rest in itertools.product(range(V), repeat=n)])
        y = torch.full((len(x),), 1) if conditional else None
        with torch.no_grad():
            nats = surprisal(net, x, y).sum(1)
        assert torch.exp(-nats.double()).sum() == pytest.approx(1, abs=1e-5)
        assert nats.std() > 0.2  # no uniform distribution, which would prove nothing

    def test_steps_give_what_one_pass_does(self, name: str, conditional: bool) -> None:
        net = make_net(name, LABELS if conditional else None)
        x = torch.randint(V, (3, CONTEXT), generator=torch.Generator().manual_seed(0))
        y = torch.tensor([0, 2, 1]) if conditional else None
        with torch.no_grad():
            whole = net(x, y)
            for cuts in ([1] * CONTEXT, [CONTEXT], [3, 1, 4], [1, 5, 2]):
                state, seen = net.start(3, y), 0
                for cut in cuts:
                    logits, seen = net.step(x[:, seen : seen + cut], state), seen + cut
                    assert torch.allclose(logits, whole[:, seen - 1], atol=1e-5)

    def test_sees_nothing_of_what_comes(self, name: str, conditional: bool) -> None:
        net = make_net(name, LABELS if conditional else None)
        x = torch.zeros(1, CONTEXT, dtype=torch.long)
        other = x.clone()
        other[:, 4:] = 3
        y = torch.tensor([1]) if conditional else None
        with torch.no_grad():
            a, b = net(x, y), net(other, y)
        assert torch.allclose(a[:, :4], b[:, :4], atol=1e-6) and not torch.allclose(a[:, 4:], b[:, 4:], atol=1e-3)

    def test_generates_beyond_its_context_as_without_a_cache(self, name: str, conditional: bool) -> None:
        net = make_net(name, LABELS if conditional else None)
        y = torch.tensor([2, 0]) if conditional else None
        u = torch.rand(2, 20, generator=torch.Generator().manual_seed(1))
        prompt, choice = torch.tensor([[0, 1], [0, 2]]), TokenSampler()
        with torch.no_grad():
            made = torch.stack(list(generate(net, prompt, u, choice, context=CONTEXT, y=y)), 1)
            tokens, begin = prompt, 0
            for i in range(20):
                if tokens.shape[1] - begin > CONTEXT:
                    begin = tokens.shape[1] - CONTEXT // 2
                logits = net(tokens[:, begin:], y)[:, -1]
                tokens = torch.cat([tokens, choice(logits, u[:, i], tokens)[:, None]], 1)
        assert torch.equal(made, tokens[:, 2:])


@pytest.mark.parametrize("draft", ["itself", "int8", "another", "wrong"])
@pytest.mark.parametrize(
    "choice", [TokenSampler(temperature=0), TokenSampler(), TokenSampler(top_k=3, repetition_penalty=1.3)]
)
def test_a_draft_changes_nothing_but_the_time(draft: str, choice: TokenSampler) -> None:
    """Whatever the draft guesses, also where the context is full and begun anew, the network's choices come out."""
    net = make_net("zaohua")
    other = {"itself": net, "int8": int8(net, least=1), "another": make_net("zaohua"), "wrong": make_net("gpt2")}[draft]
    if draft == "another":
        torch.nn.init.normal_(other.head.weight)
    calls = []
    net.steps = lambda tokens, state: calls.append(tokens.shape[1]) or type(net).steps(net, tokens, state)
    prompt, u = torch.tensor([[1, 2, 3]]), torch.rand(1, 60, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        plain = list(generate(net, prompt, u, choice, context=CONTEXT))
        quick = list(generate(net, prompt, u, choice, context=CONTEXT, draft=other))
        end = plain[20]
        over = list(generate(net, prompt, u, choice, context=CONTEXT, draft=other, end=int(end)))
    assert torch.equal(torch.cat(plain), torch.cat(quick))
    assert torch.equal(torch.cat(over), torch.cat(plain[: len(over)])) and over[-1] == end
    assert draft not in ("itself", "int8") or len(calls) < 60  # one reading confirms several guesses


class Slow:
    """Decoder whose steps take as long as asked."""

    def __init__(self, one: float, several: float = 0.0) -> None:
        self.one, self.several = one, several

    def start(self, n: int, y: Any = None, keep: Any = None) -> None:
        return None

    def rewind(self, state: None, n: int) -> None:
        return None

    def step(self, tokens: torch.Tensor, state: None) -> torch.Tensor:
        time.sleep(self.one)
        return tokens

    def steps(self, tokens: torch.Tensor, state: None) -> torch.Tensor:
        time.sleep(self.several)
        return tokens


@pytest.mark.parametrize(
    ("one", "several", "draft", "expected"),
    [(0.01, 0.012, 0.001, True), (0.01, 0.012, 0.01, False), (0.01, 0.08, 0.001, False), (0.001, 0.001, 0.02, False)],
)
def test_a_draft_is_used_where_it_pays(one: float, several: float, draft: float, expected: bool) -> None:
    assert drafts.pays(Slow(one, several), Slow(draft), None) is expected


def test_a_draft_is_timed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    net, timed = make_net("zaohua"), []
    for answer in (True, False):
        monkeypatch.setattr(drafts, "_paid", weakref.WeakKeyDictionary())
        monkeypatch.setattr(drafts, "pays", lambda *_, answer=answer: timed.append(1) or answer)
        with torch.no_grad():
            found = [drafts.draft_of(net, tokens=drafts.WORTH, least=1) for _ in range(3)]
        assert [draft is not None for draft in found] == [answer] * 3
    assert len(timed) == 2 and drafts.draft_of(net, tokens=drafts.WORTH) is None  # too few weights
    assert drafts.draft_of(net, tokens=drafts.WORTH - 1, least=1) is None  # too few tokens


def test_rows_in_integers_are_the_same_alone_and_in_a_batch() -> None:
    net = int8(make_net("zaohua"), least=1)
    prompt, u = torch.tensor([[0, 1], [2, 3], [4, 0]]), torch.rand(3, 30, generator=torch.Generator().manual_seed(1))
    together = torch.stack(list(generate(net, prompt, u, TokenSampler(), context=CONTEXT)), 1)
    alone = [
        torch.stack(list(generate(net, prompt[[i]], u[[i]], TokenSampler(), context=CONTEXT)), 1) for i in range(3)
    ]
    assert torch.equal(together, torch.cat(alone))


def test_guidance_leads_away_from_no_condition() -> None:
    net = make_net("zaohua", LABELS)
    y, x = torch.tensor([1, 2]), torch.tensor([[0, 3], [1, 2]])
    with torch.no_grad():
        both = guided(net, guidance_of(3.0, None))
        logits = both.step(x, both.start(2, y))
        with_y, without = net(x, y)[:, -1], net(x, None)[:, -1]
    assert torch.allclose(logits, without + 3 * (with_y - without), atol=1e-4)
    assert guided(net, guidance_of(1.0, None)) is net


class TestChoice:
    logits = torch.tensor([[2.0, 1.0, 0.0, -1.0, 1.5]])

    def shares(self, choice: TokenSampler, before: Tensor | None = None) -> np.ndarray:
        """How often each token is chosen, at evenly spread uniform numbers."""
        n = 20_000
        u = (torch.arange(n) + 0.5) / n
        before = torch.zeros(n, 0, dtype=torch.long) if before is None else before.expand(n, -1)
        return np.bincount(choice(self.logits.expand(n, -1), u, before).numpy(), minlength=5) / n

    def expected(self, logits: Tensor, kept: list[int]) -> np.ndarray:
        p = np.zeros(5)
        p[kept] = np.exp(logits[0, kept].double().numpy())
        return p / p.sum()

    @pytest.mark.parametrize(
        ("choice", "temperature", "kept"),
        [
            (TokenSampler(), 1, [0, 1, 2, 3, 4]),
            (TokenSampler(temperature=0.5), 0.5, [0, 1, 2, 3, 4]),
            (TokenSampler(top_k=2), 1, [0, 4]),
            (TokenSampler(top_k=99), 1, [0, 1, 2, 3, 4]),
            (TokenSampler(top_p=0.7), 1, [0, 4]),
            (TokenSampler(top_p=0.0), 1, [0]),
            (TokenSampler(min_p=0.3), 1, [0, 1, 4]),
            (TokenSampler(temperature=0), 1, [0]),
            (TokenSampler(allowed=lambda t: torch.arange(5).expand(len(t), 5) > 1), 1, [2, 3, 4]),
        ],
    )
    def test_takes_what_it_says(self, choice: TokenSampler, temperature: float, kept: list[int]) -> None:
        assert np.abs(self.shares(choice) - self.expected(self.logits / temperature, kept)).max() < 1e-3

    def test_penalty_and_bias(self) -> None:
        changed = self.logits.clone()
        changed[0, 0], changed[0, 3] = 2.0 / 2, -1.0 * 2
        shares = self.shares(TokenSampler(repetition_penalty=2.0), torch.tensor([[0, 3, 0]]))
        assert np.abs(shares - self.expected(changed, [0, 1, 2, 3, 4])).max() < 1e-3
        shares = self.shares(TokenSampler(repetition_penalty=2.0, ends=(0,)), torch.tensor([[0, -1, 0]]))
        assert np.abs(shares - self.expected(self.logits, [0, 1, 2, 3, 4])).max() < 1e-3
        changed = self.logits.clone()
        changed[0, 1] += 2
        shares = self.shares(TokenSampler(bias={1: 2.0, 4: -torch.inf}))
        assert np.abs(shares - self.expected(changed, [0, 1, 2, 3])).max() < 1e-3


class TestTexts:
    def test_learns(self, model: Any) -> None:
        logged = [r["loss/model"] for r in model.history_ if "loss/model" in r]
        assert model.bits_per_byte([TEXT[:200]]) < 3 and logged[-1] < 2.5

    def test_a_row_is_the_same_alone_and_in_a_batch(self, model: Any) -> None:
        many = model.sample(6, random_state=4, prompt="the ")
        assert many[:1] == model.sample(1, random_state=4, prompt="the ") and many[:3] == model.sample(
            3, random_state=4, prompt="the "
        )
        assert len(set(many)) > 1 and all(text.startswith("the ") for text in many)

    @pytest.mark.parametrize("prompt", ["", "a rat"])
    def test_a_stream_is_the_whole_text_in_pieces(self, model: Any, prompt: str) -> None:
        for seed in range(5):
            pieces = list(model.stream(random_state=seed, prompt=prompt))
            assert "".join(pieces) == model.sample(1, random_state=seed, prompt=prompt)[0]
        assert len(pieces) > 1

    def test_stops_without_leaking(self, model: Any) -> None:
        whole = model.sample(1, random_state=9, prompt="the ", max_tokens=60)[0]
        body = whole[4:]
        for stop in (body[10:13], body[20:21], body[5:25]):
            pieces = list(model.stream(random_state=9, prompt="the ", stop=["never", stop], max_tokens=60))
            assert "".join(pieces) == "the " + body[: body.index(stop)]
        assert "".join(model.stream(random_state=9, prompt="the ", stop=["~"], max_tokens=60)) == whole

    def test_temperature_zero_has_no_chance_in_it(self, model: Any) -> None:
        assert len({model.sample(1, random_state=seed, temperature=0.0)[0] for seed in range(3)}) == 1

    def test_long_texts_are_scored_in_windows_that_overlap_by_half(self, model: Any) -> None:
        text, T = TEXT[:75], model.context
        nats = [value for _, value in model.surprisals(text)]
        assert model.score_samples([text])[0] == pytest.approx(-sum(nats), abs=1e-3) and len(nats) == 76
        tokens = torch.tensor([[model.codec_.end_, *model.codec_.tokenizer_.encode(text).tolist(), model.codec_.end_]])
        logs = -nn.functional.log_softmax(model.nets_["net"](tokens[:, :T]), -1)
        assert nats[:T] == pytest.approx(logs[0].gather(1, tokens[0, 1 : T + 1, None])[:, 0].tolist(), abs=1e-4)
        logs = -nn.functional.log_softmax(model.nets_["net"](tokens[:, T // 2 : T // 2 + T]), -1)
        expected = logs[0].gather(1, tokens[0, T // 2 + 1 : T // 2 + T + 1, None])[T // 2 :, 0]
        assert nats[T : T + T // 2] == pytest.approx(expected.tolist(), abs=1e-4)

    def test_score_does_not_depend_on_its_neighbours(self, model: Any) -> None:
        texts = ["the cat", "a rat ran at the mat. " * 3, "", "sat"]
        scores = model.score_samples(texts)
        assert scores == pytest.approx([model.score_samples([text])[0] for text in texts], abs=1e-3)

    def test_prompts_with_unknown_letters_are_one_line(self, model: Any) -> None:
        with pytest.raises(ZaohuaError, match=r"'Ω' \(number 2 of a text\)"):
            model.sample(1, prompt="a Ω")


def test_text_shorter_than_the_context_says_what_to_do() -> None:
    with pytest.raises(ZaohuaError, match="too few for a context of 256: give more, or at most context=6"):
        zh.GPT().fit(["hello, world"])
    with pytest.raises(ZaohuaError, match="a width of 10 can't be split into 4 heads"):
        zh.GPT(width=10).fit([TEXT])


def test_training_sees_every_place_and_holds_the_end_out() -> None:
    model = zh.CharRNN(**{**zh.CharRNN.tiny, "max_steps": 1, "validation_fraction": 0.25}, random_state=0, device="cpu")
    seen: list[Tensor] = []
    plain = model.loss
    model.loss = lambda nets, batch, phase: (seen.append(batch.x), plain(nets, batch, phase))[1]
    model.fit(["ab" * 300])
    assert {x.shape[1] for x in seen} == {17} and len({tuple(row[:2].tolist()) for x in seen for row in x}) >= 2
    held, items = model.hold_out(100, 0)
    assert held.tolist() == list(range(75, 100)) and items.tolist() == list(range(74))


def test_a_text_of_one_row_trains_without_validation() -> None:
    model = zh.CharRNN(**{**zh.CharRNN.tiny, "max_steps": 2}, random_state=0, device="cpu").fit(["abcd" * 9])
    assert not any("validation" in record for record in model.history_)


def test_the_last_weights_are_kept_if_they_are_better_than_those_of_the_last_validation() -> None:
    settings = {**zh.CharRNN.tiny, "max_steps": 19, "warmup_steps": 0, "random_state": 0, "device": "cpu"}
    stopped = zh.CharRNN(**settings, validate_every=10).fit([TEXT])
    plain = zh.CharRNN(**settings, validate_every=10, patience=None).fit([TEXT])
    assert all(map(torch.equal, stopped.nets_.state_dict().values(), plain.nets_.state_dict().values()))


def test_a_default_patience_asks_for_no_validation() -> None:
    zh.CharRNN(**zh.CharRNN.tiny, validation_fraction=0.0, device="cpu").fit([TEXT])
    with pytest.raises(ZaohuaError, match=r"patience needs held-out items: give validation_fraction=0.1"):
        zh.CharRNN(**zh.CharRNN.tiny, validation_fraction=0.0, patience=3, device="cpu").fit([TEXT])


def test_bits_per_byte_takes_no_paths(model: Any) -> None:
    for wrong, message in (("a.txt", "takes a list of texts"), ([""], "the texts are empty")):
        with pytest.raises(ZaohuaError, match=message):
            model.bits_per_byte(wrong)


def test_conditional_texts_are_learnt_apart() -> None:
    texts, labels = ["aaaa", "bbbbbb"] * 40, ["a", "b"] * 40
    settings = {**zh.CharRNN.tiny, "max_steps": 150, "warmup_steps": 5, "learning_rate": 2e-2}
    model = zh.CharRNN(**settings, random_state=0, device="cpu").fit(texts, labels)
    assert model.sample(y=["a", "b", "a"], temperature=0.0) == ["aaaa", "bbbbbb", "aaaa"]
    scores = model.score_samples(["aaaa", "aaaa"], ["a", "b"])
    assert scores[0] > scores[1] + 3
    assert model.score_samples(["aaaa"]) == pytest.approx(np.logaddexp.reduce(scores) + np.log(0.5), abs=1e-5)


def test_what_is_filled_up_costs_nothing() -> None:
    net = make_net("zaohua")
    x = torch.tensor([[0, 1, 2, 0, -1, -1], [0, 3, 2, 1, 1, 0]])
    nats = surprisal(net, x, None)
    assert (nats[0, 3:] == 0).all() and (nats[0, :3] > 0).all()
    assert torch.allclose(nats[0, :3], surprisal(net, x[:1, :4], None)[0], atol=1e-5)


@pytest.mark.parametrize("name", ["GPT", "CharRNN"])
def test_resumes_bit_for_bit(name: str, tmp_path: Path) -> None:
    cls = getattr(zh, name)
    settings = {
        **cls.tiny,
        "random_state": 1,
        "device": "cpu",
        "checkpoint_every": 4,
        "validate_every": 3,
        "lr_schedule": "constant",
    }
    alone = cls(**{**settings, "max_steps": 10}).fit([TEXT])
    cls(**{**settings, "max_steps": 6}).fit([TEXT], out=tmp_path / "run")
    again = zh.load(tmp_path / "run").set_params(max_steps=10).resume(tmp_path / "run", [TEXT])
    for a, b in zip(alone.nets_.state_dict().values(), again.nets_.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_muon_steps_along_all_directions_alike() -> None:
    from zaohua.training.optimizers import Muon, orthogonalise

    torch.manual_seed(0)
    for shape in ((16, 64), (64, 16), (32, 64)):
        values = torch.linalg.svdvals(orthogonalise(torch.randn(3, *shape)))
        assert 0.5 < values.min() and values.max() < 1.35
    w, bias = nn.Parameter(torch.randn(8, 16)), nn.Parameter(torch.zeros(8))
    before = w.detach().clone()
    solver = Muon({"w": w, "bias": bias}, lambda name: True, lr=0.1, betas=(0.9, 0.99), weight_decay=0.0)
    w.grad, bias.grad = torch.randn(8, 16), torch.ones(8)
    solver.step()
    length = float((w.detach() - before).square().mean().sqrt())
    assert length == pytest.approx(0.1 * 0.2 * 16**0.5 * (8 / 128) ** 0.5, rel=0.2)
    assert torch.allclose(bias, torch.full((8,), -0.1)) and set(solver.state[w]) == {"momentum"}


def test_only_what_is_learnt_costs_logits_and_all_are_the_same() -> None:
    net = make_net("zaohua")
    x = torch.randint(V, (3, CONTEXT), generator=torch.Generator().manual_seed(0))
    read = torch.where(torch.arange(CONTEXT) < CONTEXT - 3, -2 - x, x)
    read[1, -1] = -1
    few, whole = surprisal(net, read, None), surprisal(net, x, None)
    expected = torch.where(read[:, 1:] >= 0, whole, 0)
    torch.testing.assert_close(few, expected, atol=1e-6, rtol=0)
    few.sum().backward()
    assert all(p.grad is not None for p in net.parameters())


def test_scoring_in_small_parts_gives_the_same_in_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    net = make_net("zaohua")
    x = torch.randint(V, (5, CONTEXT), generator=torch.Generator().manual_seed(0))
    x[1, 4:], x[2:4] = -1, -1  # two rows, read together, ended before
    whole = surprisal(net, x, None).detach()
    largest: list[int] = []
    net.head.register_forward_hook(lambda _, __, logits: largest.append(logits.numel()))
    monkeypatch.setattr("zaohua.families.autoregressive.surprisal.AT_ONCE", 2 * CONTEXT)
    monkeypatch.setattr("zaohua.families.autoregressive.surprisal.LOGITS_AT_ONCE", 3 * V)
    with torch.no_grad():
        torch.testing.assert_close(surprisal(net, x, None), whole, atol=1e-5, rtol=0)
    assert max(largest) <= 3 * V


@pytest.mark.parametrize(
    "architecture", ["zaohua", "gpt2", Blueprint(window=3, kv_heads=1)], ids=["own", "gpt2", "window"]
)
def test_short_rows_are_packed_and_none_sees_another(architecture: Any) -> None:
    torch.manual_seed(0)
    net = Transformer(V, context=CONTEXT, width=16, layers=2, heads=2, architecture=architecture)
    for p in net.parameters():
        nn.init.normal_(p, std=0.3)
    lengths = (CONTEXT, 5, 2, 7, 3)
    x = torch.full((len(lengths), CONTEXT), -1)
    for row, length in zip(x, lengths, strict=True):
        row[:length] = torch.randint(V, (length,))
    assert packed(x.clamp(min=0), (x != -1).sum(1)) is not None
    assert packed(x[:, :0], x.new_zeros(len(x))) is None
    together = surprisal(net, x, None)
    for i, length in enumerate(lengths):
        alone = surprisal(net, x[[i], :length], None)
        torch.testing.assert_close(together[[i], : length - 1], alone, atol=1e-5, rtol=0)
        assert not together[i, length - 1 :].any()
    together.sum().backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in net.parameters())

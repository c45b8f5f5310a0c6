"""What is chosen for the machine: precision, device, threads."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from tests.trainings import digits, make
from torch import nn

from zaohua.core import hardware
from zaohua.core.errors import ZaohuaError
from zaohua.training.events import Event


def test_auto_precision_follows_the_units_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = torch.device("cpu")
    for there, expected in ((False, torch.float32), (True, torch.bfloat16)):
        monkeypatch.setattr(hardware, "_has_bfloat16_units", lambda there=there: there)
        assert hardware.pick_precision("auto", cpu) == expected
    assert hardware.pick_precision("float32", cpu) == torch.float32


def test_bfloat16_units_are_what_the_processor_says() -> None:
    assert hardware._has_bfloat16_units() in (True, False)
    try:
        flags = next(line for line in open("/proc/cpuinfo") if line.startswith("flags")).split()
    except (OSError, StopIteration):
        pytest.skip("no list of this processor's flags")
    assert hardware._has_bfloat16_units() == bool({"avx512_bf16", "amx_bf16"} & set(flags))


@pytest.mark.parametrize("before", [False, True])
def test_how_the_caller_treats_the_smallest_numbers_is_as_it_was_after_training(before: bool) -> None:
    def flushes() -> bool:
        return bool(torch.full((1,), 1e-40).mul(1.0).eq(0))  # below float32's least number of full precision

    assert not flushes()
    try:
        if not torch.set_flush_denormal(before):
            pytest.skip("this processor can't")
        inside = list[bool]()
        make("VAE", 2).fit(*digits(), callbacks=[lambda event: inside.append(flushes())])
        assert all(inside) and len(inside) > 2
        assert flushes() == before
        with pytest.raises(RuntimeError), hardware.flushed_denormals():
            raise RuntimeError
        assert flushes() == before
    finally:
        torch.set_flush_denormal(False)


def test_products_are_counted_forward_and_back() -> None:
    x, w = torch.ones(2, 3, 8, 8), torch.ones(5, 3, 3, 3, requires_grad=True)
    with hardware.ProductCounter() as products:
        F.conv2d(x, w, padding=1).sum().backward()
        torch.ones(4, 6) @ torch.ones(6, 7)
    conv = 2 * 2 * 5 * 8 * 8 * 3 * 3 * 3
    assert products.count == 3 and products.operations == 2 * conv + 2 * 4 * 6 * 7
    assert products.small


def threads_of(model, steps: list[int], **how) -> None:
    def note(event: Event) -> None:
        if event.kind == "step":
            steps.append(torch.get_num_threads())

    images, _ = digits()
    model.fit(images, callbacks=[note], **how)


@pytest.mark.parametrize(("work", "expected"), [(0, 2), (1e15, 1)])
def test_a_run_of_small_products_takes_one_thread(monkeypatch, work, expected, tmp_path) -> None:
    monkeypatch.setattr(hardware, "SHARED_WORK", work)
    before, steps = torch.get_num_threads(), list[int]()
    torch.set_num_threads(2)
    try:
        threads_of(make("VAE", 3), steps, out=tmp_path / "run")
        assert steps == [expected] * 3 and torch.get_num_threads() == 2
        steps.clear()
        make("VAE", 5).resume(
            tmp_path / "run", digits()[0], callbacks=[lambda event: steps.append(torch.get_num_threads())]
        )
        assert set(steps[1:]) == {expected}
    finally:
        torch.set_num_threads(before)


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("work", "expected"), [(0, 2), (1e15, 1)])
@pytest.mark.parametrize("name", ["VAE", "Flow"])
def test_sampling_and_scoring_of_small_products_take_one_thread(monkeypatch, work, expected, name, two_threads) -> None:
    images, _ = digits()
    model = make(name, 1).fit(images)
    monkeypatch.setattr(hardware, "SHARED_WORK", work)
    used = list[int]()
    net = next(iter(model.nets_.values()))
    last = [m for m in net.modules() if not list(m.children())][-1]
    last.register_forward_hook(lambda *_: used.append(torch.get_num_threads()))
    for call in (lambda: model.sample(2), lambda: model.score_samples(images[:300])):
        used.clear()
        call()
        assert not used or used[-1] == expected
        assert torch.get_num_threads() == 2


@pytest.mark.parametrize(("work", "expected"), [(0, 2), (1e15, 1)])
def test_decoding_of_small_products_takes_one_thread(monkeypatch, work, expected, two_threads) -> None:
    model = make("CharRNN", 1).fit(["the cat sat on the mat. " * 40])
    monkeypatch.setattr(hardware, "SHARED_WORK", work)
    used = list[int]()
    net, step = model.nets_["net"], type(model.nets_["net"]).step
    monkeypatch.setattr(type(net), "step", lambda *args: used.append(torch.get_num_threads()) or step(*args))
    model.sample(1, max_tokens=5)
    assert set(used) == {expected} and torch.get_num_threads() == 2


def test_a_device_that_is_not_there_is_one_line() -> None:
    with pytest.raises(ZaohuaError, match="device 'abacus' can't be used here") as error:
        hardware.pick_device("abacus")
    assert "\n" not in str(error.value)


def test_kernels_of_one_channel_are_channels_last_by_their_strides() -> None:
    """`contiguous` leaves them as they are, and then every map after them is laid out the slow way."""
    net = hardware.channels_last(nn.Sequential(nn.Conv2d(1, 8, 5), nn.ConvTranspose2d(8, 1, 5), nn.Conv3d(1, 2, 3)))
    for kernel in (net[0].weight, net[1].weight):
        n, c, h, w = kernel.shape
        assert kernel.stride() == (h * w * c, 1, w * c, c)
    assert net[0](torch.zeros(2, 1, 9, 9)).is_contiguous(memory_format=torch.channels_last)

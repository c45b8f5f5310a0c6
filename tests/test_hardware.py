"""What is chosen for the machine: threads, precision, device."""

from __future__ import annotations

import pytest
import torch

from tests.training import digits, make
from zaohua import hardware
from zaohua.errors import ZaohuaError


@pytest.mark.parametrize(("fields", "threads"), [({}, 1), ({"channels": 64, "blocks": 2, "batch_size": 64}, 2)])
def test_small_steps_take_one_thread_and_large_ones_all(fields: dict[str, int], threads: int) -> None:
    before, seen = torch.get_num_threads(), set[int]()
    torch.set_num_threads(2)
    try:
        make("Flow", 1, **fields).fit(digits()[0], callbacks=[lambda event: seen.add(torch.get_num_threads())])
        assert seen == {threads}
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_auto_precision_is_what_is_measured_to_be_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = torch.device("cpu")
    for gain, expected in ((0.01, torch.float32), (1.2, torch.float32), (4.0, torch.bfloat16)):
        monkeypatch.setattr(hardware, "_bfloat16_gain", lambda gain=gain: gain)
        assert hardware.pick_precision("auto", cpu) == expected
    assert hardware.pick_precision("float32", cpu) == torch.float32


def test_a_device_that_is_not_there_is_one_line() -> None:
    with pytest.raises(ZaohuaError, match="device 'abacus' can't be used here") as error:
        hardware.pick_device("abacus")
    assert "\n" not in str(error.value)


def test_products_are_counted_as_they_are_done() -> None:
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, stride=2, padding=1), torch.nn.ConvTranspose2d(8, 4, 4, 2, 1),
                              torch.nn.Flatten(), torch.nn.Linear(4 * 8 * 8, 10))
    with hardware.counted(net) as products:
        net(torch.zeros(2, 3, 8, 8))
    assert products == [2 * 16 * 8 * 27, 2 * 16 * 8 * 4 * 16, 2 * 256 * 10]
    net(torch.zeros(2, 3, 8, 8))
    assert len(products) == 3

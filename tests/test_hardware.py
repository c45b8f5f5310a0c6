"""What is chosen for the machine: precision, device."""

from __future__ import annotations

import pytest
import torch

from zaohua import hardware
from zaohua.errors import ZaohuaError


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

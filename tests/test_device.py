"""``AIGC_DTYPE`` decides the number format, at every call; a wrong value is explained."""

from __future__ import annotations

import pytest
import torch

from aigc_demo import device as devices
from aigc_demo.errors import BadValue

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


def test_the_setting_decides_on_every_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for hardware in (False, True):
        monkeypatch.setattr(devices, "cpu_has_bfloat16", lambda hardware=hardware: hardware)
        monkeypatch.setenv("AIGC_DTYPE", "float32")
        assert devices.low_precision(CPU) is devices.low_precision(CUDA) is None
        monkeypatch.setenv("AIGC_DTYPE", "bfloat16")
        assert devices.low_precision(CPU) is devices.low_precision(CUDA) is torch.bfloat16


def test_without_a_setting_bfloat16_is_used_where_the_hardware_has_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for setting in ("", "auto"):
        monkeypatch.setenv("AIGC_DTYPE", setting)
        for hardware, expected in ((True, torch.bfloat16), (False, None)):
            monkeypatch.setattr(devices, "cpu_has_bfloat16", lambda hardware=hardware: hardware)
            assert devices.low_precision(CPU) is expected
            assert devices.low_precision(CUDA) is torch.bfloat16


def test_products_are_computed_in_the_format_that_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    a = torch.rand(4, 4)
    for setting, expected in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        monkeypatch.setenv("AIGC_DTYPE", setting)
        with devices.autocast(CPU):
            assert (a @ a).dtype == expected
        assert setting in devices.describe(CPU)


def test_an_unknown_format_is_refused_with_the_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIGC_DTYPE", "float16")
    devices.default_device.cache_clear()
    for ask in (devices.default_device, lambda: devices.low_precision(CPU)):
        with pytest.raises(BadValue, match="AIGC_DTYPE: “float16”.*auto, float32, bfloat16"):
            ask()


def test_a_device_that_is_not_there_is_refused_with_those_that_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("gpu", "cuda:99", "CPU", "meta"):
        monkeypatch.setenv("AIGC_DEVICE", name)
        devices.default_device.cache_clear()
        with pytest.raises(BadValue, match=f"^AIGC_DEVICE: “{name}” .*; set it to cpu"):
            devices.default_device()
    monkeypatch.setenv("AIGC_DEVICE", "cpu")
    assert devices.default_device() == CPU
    devices.default_device.cache_clear()

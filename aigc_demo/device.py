"""Device, number format and threads of all tensor work, decided in one place.

On a CPU with bfloat16 instructions (AVX-512 BF16, AMX) convolutions run two to ten times faster in
bfloat16 and in the channels-last layout. Everything that must be exact (losses, statistics,
averages of weights) stays in float32. ``AIGC_DTYPE`` overrides the choice.
"""

from __future__ import annotations

import contextlib
import functools
import os
import platform

import torch

from aigc_demo import settings
from aigc_demo.errors import BadValue


@functools.cache
def default_device() -> torch.device:
    """Return the fastest device there is, or the one that ``AIGC_DEVICE`` names; raises BadValue
    where that is not there.
    """
    settings.choice("AIGC_DTYPE")  # a wrong one is reported when the program starts
    if named := os.environ.get("AIGC_DEVICE"):
        return _named_device(named)
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def _named_device(name: str) -> torch.device:
    there = ["cpu", *(["mps"] if torch.backends.mps.is_available() else [])]
    there += ["cuda", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    if not torch.cuda.is_available():
        there.remove("cuda")
    if name not in there:
        raise BadValue(
            f"AIGC_DEVICE: “{name[:40]}” is not on this machine; set it to {', '.join(there)}."
        )
    return torch.device(name)


@functools.cache
def cpu_has_bfloat16() -> bool:
    """Tell whether this processor multiplies bfloat16 in hardware (in software it is slower than
    float32).
    """
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    capability = torch.backends.cpu.get_cpu_capability()
    flags = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()
    return bool(flags) and capability.startswith("AVX512")


def low_precision(device: torch.device) -> torch.dtype | None:
    """Return the number format of matrix products on `device`: bfloat16, or None for float32."""
    setting = settings.choice("AIGC_DTYPE")
    if setting == "auto":
        fast = device.type == "cuda" or (device.type == "cpu" and cpu_has_bfloat16())
    else:
        fast = setting == "bfloat16"
    return torch.bfloat16 if fast else None


def autocast(device: torch.device) -> contextlib.AbstractContextManager[None]:
    """Return a context in which matrix products and convolutions run in `low_precision(device)`.

    It is thread-local: never leave it open across a ``yield``.
    """
    dtype = low_precision(device)
    if dtype is None:
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=dtype)


def describe(device: torch.device) -> str:
    """Return a line for a model card: the device and the number format."""
    dtype = low_precision(device) or torch.float32
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    threads = f", {torch.get_num_threads()} threads" if device.type == "cpu" else ""
    return f"{name}{threads}, {str(dtype).removeprefix('torch.')}"


def set_threads(threads: int | None) -> None:
    """Use `threads` CPU threads for tensor work; None leaves the choice to torch."""
    if threads:
        torch.set_num_threads(threads)


def ran_out_of_memory(error: Exception) -> bool:
    """Tell whether `error` says that there was no memory left, on whatever device."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and "allocate memory" in str(error)
    )


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()

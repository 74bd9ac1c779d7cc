"""What torchvision's transforms sample: from a generator of its own, and recorded.

Its transforms draw from the global random generator. Here they are given another one, so that
draws disturb nobody else's, and yet are those of ``torch.manual_seed(seed)``. No other module
touches private parts of torchvision.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torchvision.transforms import v2

from aigc_demo.augment.transform import Values

DRAWS = frozenset(
    (
        torch.rand,
        torch.randn,
        torch.randint,
        torch.randperm,
        torch.normal,
        torch.bernoulli,
        torch.multinomial,
        torch._sample_dirichlet,
        Tensor.uniform_,
        Tensor.normal_,
        Tensor.random_,
    )
)


class DrawFrom(TorchFunctionMode):
    """While it is open in a thread, random numbers there come from `generator`."""

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self.generator = generator

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if function is torch.randn_like:
            dtype = kwargs.get("dtype") or args[0].dtype
            return torch.randn(args[0].shape, dtype=dtype, generator=self.generator)
        if function in DRAWS:
            kwargs.setdefault("generator", self.generator)
        return function(*args, **kwargs)


def apply_policy(policy: v2.Transform, image: Tensor) -> tuple[Tensor, Values]:
    """Return a picture after a policy, and the names and magnitudes of its ``operations``."""
    operate, operations = policy._apply_image_or_video_transform, []

    def record(image: Any, name: str, magnitude: float, **more: Any) -> Any:
        operations.append((name, float(magnitude)))
        return operate(image, name, magnitude, **more)

    policy._apply_image_or_video_transform = record
    return policy(image), {"operations": operations}

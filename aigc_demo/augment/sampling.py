"""Random parameters of torchvision's transforms: drawn from a generator, and recorded.

The transforms of torchvision draw from the global random generator. Here they are given another
one, so that draws disturb neither each other nor anybody else, and yet are those of
``torch.manual_seed(seed)``. No other module touches private parts of torch or torchvision.
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


def always(transform: v2.Transform) -> None:
    """Let a transform that draws whether it is applied be applied without a draw."""
    transform.forward = v2.Transform.forward.__get__(transform)


def record(transform: v2.Transform) -> Values:
    """Return a dictionary that the parameters which `transform` samples will be put into; those
    of a policy are ``operations``, names and magnitudes.
    """
    sampled: Values = {}
    make_params = transform.make_params
    operate = getattr(transform, "_apply_image_or_video_transform", None)

    def remember(flat_inputs: list[Any]) -> Values:
        sampled.update(parameters := make_params(flat_inputs))
        return parameters

    def remember_operation(image: Any, name: str, magnitude: float, **more: Any) -> Any:
        sampled.setdefault("operations", []).append((name, float(magnitude)))
        return operate(image, name, magnitude, **more)

    transform.make_params = remember
    if operate is not None:
        transform._apply_image_or_video_transform = remember_operation
    return sampled

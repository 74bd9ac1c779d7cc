"""Transforms that apply others, and those that mix two pictures.

The policies are AutoAugment (Cubuk et al., 2019, https://arxiv.org/abs/1805.09501), RandAugment
(Cubuk et al., 2020, https://arxiv.org/abs/1909.13719), TrivialAugment (Müller and Hutter, 2021,
https://arxiv.org/abs/2103.10158) and AugMix (Hendrycks et al., 2020,
https://arxiv.org/abs/1912.02781). Mixing is mixup (Zhang et al., 2018,
https://arxiv.org/abs/1710.09412) and CutMix (Yun et al., 2019, https://arxiv.org/abs/1905.04899).
"""

from __future__ import annotations

from typing import Any

from torchvision.transforms import v2

from aigc_demo.augment.transform import BILINEAR, Call, Code, Parameter, Size, Transform, Values


class Policy(Transform):
    """Operations that are chosen at random."""

    group = "policy"

    def torchvision(self, size: Size, **values: Any) -> Call:
        return Call(self.torchvision_class, **values, interpolation=BILINEAR)

    def describe(self, sampled: Values) -> str:
        done = [name + (f" {by:.2g}" if by else "") for name, by in sampled.get("operations", [])]
        return ": " + (", ".join(done) or "nothing")


class AutoAugment(Policy):
    name = "auto_augment"
    parameters = (Parameter("policy", "imagenet", choices=("imagenet", "cifar10", "svhn")),)
    torchvision_class = "AutoAugment"

    def torchvision(self, size: Size, *, policy: str) -> Call:
        code = Code(f"v2.AutoAugmentPolicy.{policy.upper()}", v2.AutoAugmentPolicy[policy.upper()])
        return super().torchvision(size, policy=code)


class RandAugment(Policy):
    name = "rand_augment"
    parameters = (Parameter("num_ops", 2, 1, 5, 1), Parameter("magnitude", 9, 0, 30, 1))
    strength = "magnitude"
    torchvision_class = "RandAugment"

    def torchvision(self, size: Size, *, num_ops: int, magnitude: float) -> Call:
        return super().torchvision(size, num_ops=num_ops, magnitude=round(magnitude))


class TrivialAugment(Policy):
    name = "trivial_augment"
    torchvision_class = "TrivialAugmentWide"


class AugMix(Policy):
    name = "aug_mix"
    parameters = (Parameter("severity", 3, 1, 10, 1), Parameter("mixture_width", 3, 1, 5, 1))
    torchvision_class = "AugMix"


class MixUp(Transform):
    name, group = "mixup", "mixing"
    parameters = (Parameter("alpha", 1.0, 0.05, 5.0, 0.05),)
    caption = "{share:.2f}"  # of the first picture
    torchvision_class = "MixUp"

    def torchvision(self, size: Size, *, alpha: float) -> Call:
        return Call(self.torchvision_class, alpha=alpha, num_classes=2)


class CutMix(MixUp):
    name = "cutmix"
    torchvision_class = "CutMix"

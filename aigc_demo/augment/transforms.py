"""``AUGMENTS``: the transforms that a step of a pipeline can name."""

from __future__ import annotations

from aigc_demo.augment import geometry, photometry, policies
from aigc_demo.augment.transform import Transform

AUGMENTS: dict[str, Transform] = {
    t.name: t
    for t in (
        geometry.FlipHorizontal(),
        geometry.FlipVertical(),
        geometry.Rotate(),
        geometry.Translate(),
        geometry.Scale(),
        geometry.Shear(),
        geometry.Perspective(),
        geometry.Elastic(),
        geometry.Crop(),
        geometry.ResizedCrop(),
        photometry.ColourJitter(),
        photometry.Grey(),
        photometry.Solarise(),
        photometry.Posterise(),
        photometry.Equalise(),
        photometry.Blur(),
        photometry.Sharpen(),
        photometry.Noise(),
        photometry.Jpeg(),
        photometry.Erase(),
        photometry.Cutout(),
        policies.AutoAugment(),
        policies.RandAugment(),
        policies.TrivialAugment(),
        policies.AugMix(),
        policies.MixUp(),
        policies.CutMix(),
    )
}

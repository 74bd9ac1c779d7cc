"""``METHODS``: every kind of model, by key. One file = one method = one paper."""

from aigc_demo.methods import (
    classifier,
    cyclegan,
    dcgan,
    flow,
    inpaint,
    pix2pix,
    repair,
    segment,
    text2image,
    vae,
)
from aigc_demo.methods.base import Method

METHODS: dict[str, Method] = {
    m.name: m
    for m in (
        dcgan.METHOD,
        vae.METHOD,
        flow.METHOD,
        text2image.METHOD,
        repair.METHOD,
        inpaint.METHOD,
        cyclegan.METHOD,
        pix2pix.METHOD,
        segment.METHOD,
        classifier.METHOD,
    )
}  # fmt: skip

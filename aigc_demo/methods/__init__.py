"""``METHODS``: every kind of model, by key. One file = one method = one paper."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module

from aigc_demo.methods.base import Method

MODULES: dict[str, str] = {
    "dcgan": "aigc_demo.methods.dcgan",
    "vae": "aigc_demo.methods.vae",
    "flow": "aigc_demo.methods.flow",
    "text2image": "aigc_demo.methods.text2image",
    "repair": "aigc_demo.methods.repair",
    "inpaint": "aigc_demo.methods.inpaint",
    "cyclegan": "aigc_demo.methods.cyclegan",
    "pix2pix": "aigc_demo.methods.pix2pix",
    "segment": "aigc_demo.methods.segment",
    "classifier": "aigc_demo.methods.classifier",
}


class _LazyMethods(Mapping[str, Method]):
    """Imports a method's module when that method is first looked up."""

    def __getitem__(self, key: str) -> Method:
        return import_module(MODULES[key]).METHOD

    def __contains__(self, key: object) -> bool:
        return key in MODULES

    def __iter__(self) -> Iterator[str]:
        return iter(MODULES)

    def __len__(self) -> int:
        return len(MODULES)


METHODS: Mapping[str, Method] = _LazyMethods()

"""``METHODS``: every way to make pictures, by key. One file = one method = one paper."""

from aigc_demo.methods import flow
from aigc_demo.methods.base import Method

METHODS: dict[str, Method] = {
    m.name: m
    for m in (
        flow.METHOD,
    )
}  # fmt: skip

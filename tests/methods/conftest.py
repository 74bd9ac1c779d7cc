"""What all tests of methods share."""

from __future__ import annotations

import pytest

from aigc_demo.methods import inpaint


@pytest.fixture(autouse=True)
def few_masks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw few masks for a trainer: each takes milliseconds."""
    monkeypatch.setattr(inpaint, "MASKS", 16)

"""``METHODS`` lists every method by its key, and imports one when it is looked up."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from aigc_demo.methods import METHODS

ROOT = Path(__file__).parents[2]


def test_a_method_is_registered_by_its_name_and_has_valid_defaults() -> None:
    for name, method in METHODS.items():
        assert method.name == name and method.title
        defaults = method.config.model_validate({"classes": 2 * method.classes})
        assert method.config.model_validate_json(defaults.model_dump_json()) == defaults


def test_every_file_of_a_method_is_registered() -> None:
    files = {path.stem for path in (ROOT / "aigc_demo" / "methods").glob("*.py")}
    assert set(METHODS) == files - {"__init__", "base", "checkpoint", "tensor_cache"}


def test_an_unknown_method_is_no_method() -> None:
    assert "alchemy" not in METHODS and METHODS.get("alchemy") is None


def test_listing_methods_imports_none_and_a_look_up_imports_one() -> None:
    script = (
        "import sys; from aigc_demo.methods import METHODS; assert 'flow' in METHODS;"
        "loaded = lambda: [m for m in METHODS if f'aigc_demo.methods.{m}' in sys.modules];"
        "print(len(METHODS), loaded()); METHODS['flow']; print(loaded())"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout.splitlines() == ["10 []", "['flow']"]


def test_true_is_no_number_of_a_config() -> None:
    for field in ("clip", "r1", "width"):
        with pytest.raises(ValidationError, match=f"{field}\n.*it should be a number"):
            METHODS["dcgan"].config(**{field: True})


@pytest.mark.parametrize(
    ("method", "config"),
    [
        ("repair", {"blocks": [10**9, 1]}),
        ("inpaint", {"blocks": [1, 1, 1, 10**9]}),
        ("inpaint", {"dilations": [2**62]}),
        ("inpaint", {"dilations": [1] * 1000}),
        ("pix2pix", {"widths": [10**12, 8]}),
        ("segment", {"widths": [8, -1]}),
    ],
)
def test_a_network_without_bounds_is_no_configuration(method: str, config: dict) -> None:
    with pytest.raises(ValidationError):
        METHODS[method].config.model_validate(config)

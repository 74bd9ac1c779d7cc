"""The import order of docs/ARCHITECTURE.md, read from the source."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ANYONE = {"errors", "requests", "explorations", "images", "masks", "text", "device", "events"}
# A module may import what stands in its row, and nothing of the package besides.
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "device": set(),
    "requests": {"errors"},
    "explorations": {"errors", "requests"},
    "images": {"errors"},
    "masks": {"errors", "images"},
    "text": set(),
    "events": set(),
    "nn": set(),
    "optim": set(),
    "damage": set(),
    "facades": set(),
    "adversarial": set(),
    "reference": {"adversarial"},
    "light": {"adversarial", "nn"},
    "lattice": set(),
    "crf": {"lattice"},
    "reader": set(),
    "painter": set(),
    "methods": {
        "crf",
        "nn",
        "optim",
        "damage",
        "facades",
        "adversarial",
        "reference",
        "light",
        "reader",
        "painter",
        "methods.base",
    },
    "checkpoint": {"methods", "methods.base"},
    "data": {"data", "checkpoint", "methods", "methods.base"},
    "metrics": {"metrics", "checkpoint", "data", "methods", "methods.base"},
    "control": set(),
    "recipe": {"checkpoint", "data", "methods", "methods.base"},
    "scoring": {"metrics", "data", "methods.base"},
    "journal": {"recipe", "scoring", "checkpoint", "data", "methods.base"},
    "engine": {
        "augment",
        "control",
        "journal",
        "scoring",
        "checkpoint",
        "data",
        "methods",
        "methods.base",
    },
    "runs": {"control", "engine", "checkpoint", "data"},
    "worker": {"runs", "engine", "checkpoint", "data"},
    "progress": {"control", "runs"},
    "presets": {"methods"},
    "experiment": {"progress", "runs"},
    "directions": {"checkpoint", "methods.base"},
    "catalogue": {"checkpoint", "directions", "methods", "methods.base"},
    "shelf": {"catalogue", "checkpoint", "directions", "journal", "methods.base", "runs"},
    "classical": set(),
    "tiling": set(),
    "augment": {"augment", "methods.base"},
    "augment.__main__": {"augment", "augmentation", "folders"},
    "augmentation": {"augment"},
    "restoration": {"catalogue", "classical", "metrics", "tiling", "methods", "methods.base"},
    "interpolation": set(),
    "regions": {"crf"},
    "outline": {"regions"},
    "plans": {"methods"},
    "translation": {"plans", "methods", "catalogue", "metrics", "tiling", "methods.base"},
    "sheet": set(),
    "grid": {"catalogue"},
    "studio": {
        "directions",
        "grid",
        "augmentation",
        "interpolation",
        "outline",
        "regions",
        "catalogue",
        "restoration",
        "translation",
        "shelf",
        "methods.base",
    },
    "evaluate": {"metrics", "catalogue", "studio", "checkpoint", "data", "methods.base"},
    "folders": set(),
    "restore": {"folders", "restoration", "studio"},
    "translate": {"folders", "studio"},
    "adopt": {"checkpoint", "methods", "reference"},
    "ui": {
        "grid",
        "outline",
        "regions",
        "sheet",
        "studio",
        "augment",
        "augmentation",
        "experiment",
        "restoration",
        "translation",
        "adversarial",
        "damage",
        "facades",
        "ui",
        "worker",
        "runs",
        "control",
        "progress",
        "presets",
        "methods",
        "data",
    },
}
FILES = sorted((ROOT / "aigc_demo").rglob("*.py"))
IDS = [str(p.relative_to(ROOT)) for p in FILES]


def imports(path: Path) -> set[str]:
    """Return the full names of the modules that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: imports are absolute"
            assert all(alias.name != "*" for alias in node.names), f"{path.name}: no star imports"
            modules = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {m if _is_module(m) else str(node.module) for m in modules}
    return found


def _is_module(name: str) -> bool:
    path = ROOT / Path(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def layer(path: Path) -> str:
    if path.name == "__main__.py":
        return f"{path.parent.name}.__main__"  # a program, which may know more than its package
    return path.relative_to(ROOT / "aigc_demo").with_suffix("").parts[0]


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_a_module_imports_only_what_stands_to_its_right(path: Path) -> None:
    own = layer(path)
    assert own in MAY_IMPORT or own == "__init__", f"say in MAY_IMPORT what {own} may import"
    if own == "__init__":
        assert not {m for m in imports(path) if m.startswith("aigc_demo")}
        return
    inside = {m.removeprefix("aigc_demo.") for m in imports(path) if m.startswith("aigc_demo.")}
    inside = {m if m == "methods.base" else m.split(".")[0] for m in inside}
    registry = path.name == "__init__.py" and own == "methods"
    allowed = MAY_IMPORT[own] | ({"methods"} if registry else set())
    allowed |= ANYONE if own not in ANYONE | {"nn", "optim"} else set()
    assert inside <= allowed


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_only_the_ui_knows_gradio_and_it_knows_no_torch(path: Path) -> None:
    roots = {name.split(".")[0] for name in imports(path)}
    page = {"gradio", "gradio_client", "spaces", "starlette"}
    assert not roots & ({"torch", "torchvision"} if layer(path) == "ui" else page)
    assert not roots & {"benchmarks", "tests", "train", "app"}


def test_the_engine_yields_and_does_not_print_plot_or_parse() -> None:
    path = ROOT / "aigc_demo" / "engine.py"
    called = {
        node.func.id
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert "print" not in called
    assert not imports(path) & {"argparse", "tqdm", "matplotlib", "logging"}


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_files_stay_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 320

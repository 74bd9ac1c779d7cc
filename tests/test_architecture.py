"""Who may import whom: the rules of docs/ARCHITECTURE.md, read from the source."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "aigc_demo"
FILES = sorted(PACKAGE.rglob("*.py"))

ANYONE = {
    "errors",
    "settings",
    "access",
    "device",
    "requests",
    "imaging",
}  # may be imported by all but one another's
# A package may import what stands in its row, and itself.
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "settings": {"errors"},
    "access": {"settings", "errors"},
    "device": {"settings", "errors"},
    "requests": {"errors"},
    "imaging": {"errors"},
    "nn": {"device"},
    "crf": {"nn"} | ANYONE,
    "methods": {"nn", "crf"} | ANYONE,
    "data": {"nn", "methods"} | ANYONE,
    "augment": {"methods"} | ANYONE,
    "metrics": {"nn", "methods", "data"} | ANYONE,
    "training": {"nn", "methods", "data", "augment", "metrics"} | ANYONE,
    "pipelines": {"nn", "crf", "methods", "data", "augment", "metrics"} | ANYONE,
    "studio": {"crf", "methods", "pipelines"} | ANYONE,
    "cli": {"nn", "methods", "data", "augment", "metrics", "training", "pipelines", "studio"}
    | ANYONE,
    "ui": {"methods", "data", "augment", "training", "pipelines", "studio"} | ANYONE,
}
# Within the page, from top to bottom: a tab knows the layers below it and no other tab.
UI_LAYERS = ("app", "tabs", "components", "server", "i18n")
TABS = {"generate", "restore", "translate", "augment", "train"}


def module(path: Path) -> str:
    """Return the dotted name of a file below the package, without ``aigc_demo``."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> set[str]:
    """Return the full names of the modules that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {n if _is_module(n) else str(node.module) for n in names}
    return found


def _is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def inside(path: Path) -> set[str]:
    """Return the modules of the package that a file imports, without ``aigc_demo``."""
    names = {n for n in imports(path) if n.startswith("aigc_demo.")}
    return {n.removeprefix("aigc_demo.") for n in names}


def test_a_package_imports_only_what_it_may() -> None:
    wrong = []
    for path in FILES:
        own = module(path).split(".")[0]
        if own in ("", "__main__"):
            continue
        allowed = MAY_IMPORT[own] | {own}
        wrong += [f"{module(path)} → {n}" for n in inside(path) if n.split(".")[0] not in allowed]
    assert wrong == []


def test_a_method_knows_no_other_method_and_no_file() -> None:
    shared = {"methods.base"}
    wrong = [
        f"{module(path)} → {name}"
        for path in (PACKAGE / "methods").glob("*.py")
        if path.stem not in ("__init__", "base", "checkpoint", "tensor_cache")
        for name in inside(path)
        if name.startswith("methods") and name not in shared
    ]
    assert wrong == []


def test_a_tab_knows_no_other_tab_and_nothing_above_it() -> None:
    wrong = []
    for path in (PACKAGE / "ui").rglob("*.py"):
        own = _layer(module(path))
        for name in inside(path):
            if name.startswith("ui."):
                other = _layer(name)
                same_tab = own == other and (
                    own != "tabs" or name.split(".")[1] == module(path).split(".")[1]
                )
                if not same_tab and UI_LAYERS.index(own) >= UI_LAYERS.index(other):
                    wrong.append(f"{module(path)} → {name}")
    assert wrong == []


def _layer(name: str) -> str:
    part = (name.split(".") + ["app"])[1]
    return "tabs" if part in TABS else part if part in UI_LAYERS else "app"


def test_only_the_page_knows_gradio_and_it_knows_no_torch() -> None:
    page = {"gradio", "gradio_client", "spaces", "starlette"}
    wrong = []
    for path in FILES:
        banned = {"torch", "torchvision"} if module(path).startswith("ui") else page
        roots = {name.split(".")[0] for name in imports(path)}
        found = roots & (banned | {"benchmarks", "tests", "train", "app"})
        wrong += [f"{module(path)} → {name}" for name in found]
    assert wrong == []


def test_imports_are_absolute_and_name_what_they_bring() -> None:
    wrong = [
        f"{module(path)}:{node.lineno}"
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
        and (node.level or any(alias.name == "*" for alias in node.names))
    ]
    assert wrong == []


def test_training_does_not_print_or_parse() -> None:
    wrong = []
    for path in (PACKAGE / "training").glob("*.py"):
        calls = [n.func for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)]
        if any(isinstance(f, ast.Name) and f.id == "print" for f in calls):
            wrong.append(f"{module(path)} prints")
        if imports(path) & {"argparse", "tqdm", "matplotlib"}:
            wrong.append(f"{module(path)} parses or plots")
    assert wrong == []


def test_the_studio_loads_few_modules_and_none_of_training_data_or_the_page() -> None:
    script = (
        "import sys, aigc_demo.studio;"
        "print(*sorted(m for m in sys.modules if m.startswith('aigc_demo')))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = ran.stdout.split()
    others = ("aigc_demo.training", "aigc_demo.data", "aigc_demo.ui")
    assert [m for m in loaded if m.startswith(others)] == []
    assert len(loaded) <= 45, loaded


def test_modules_and_functions_stay_short() -> None:
    wrong = []
    for path in FILES:
        text = path.read_text()
        if len(text.splitlines()) > 400:
            wrong.append(f"{module(path)}: {len(text.splitlines())} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > 60:
                    wrong.append(f"{module(path)}.{node.name}: {lines} lines")
    assert wrong == []

"""How large and how tangled the code is, and how long its tests take:

python -m benchmarks.codebase           # with --time, also runs `make test`
"""

from __future__ import annotations

import argparse
import ast
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import report

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "aigc_demo"
TABS = ("generate", "restore", "translate", "augment", "train")


def main(arguments: list[str] | None = None) -> int:
    """Measure, write the section and return the status of the tests."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--time", action="store_true", help="run `make test` and time it")
    given = parser.parse_args(arguments)
    lengths = function_lengths()
    loaded = loaded_by_studio()
    rows = [
        ("modules directly in `aigc_demo/`", len(list(PACKAGE.glob("[a-z]*.py"))), "≤ 6"),
        ("imports between tabs", imports_between_tabs(), "0"),
        ("own modules loaded by `import aigc_demo.studio`", len(loaded), "≤ 45"),
        ("of these, of `training`", sum(".training" in m for m in loaded), "0"),
        ("functions longer than 60 lines", sum(n > 60 for n in lengths), "0"),
        ("functions longer than 40 lines", sum(n > 40 for n in lengths), "≤ 8"),
        ("lines of `aigc_demo/`", lines(), "≤ 20,000"),
        ("test cases", test_cases(), "≤ 2,500"),
    ]
    status = 0
    if given.time:
        start = time.monotonic()
        status = subprocess.run(["make", "test"], cwd=ROOT, check=False).returncode
        minutes = (time.monotonic() - start) / 60
        verdict = "" if status == 0 else ", and failed"
        rows.append(("`make test`, installed", f"{minutes:.1f} min{verdict}", "≤ 8 min"))
    table = report.table(
        ("what", "measured", "target"),
        [[what, f"{n:,}" if isinstance(n, int) else n, target] for what, n, target in rows],
    )
    print(table)
    report.write_section("Codebase", "python -m benchmarks.codebase --time", table)
    return status


def sources() -> list[Path]:
    """Return the files of the package."""
    return sorted(PACKAGE.rglob("*.py"))


def lines() -> int:
    """Return the number of lines of the package."""
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in sources())


def function_lengths() -> list[int]:
    """Return the number of lines of every function."""
    return [
        (node.end_lineno or node.lineno) - node.lineno + 1
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def imports_between_tabs() -> int:
    """Return how often a tab imports from another one."""
    count = 0
    for tab in TABS:
        others = tuple(f"aigc_demo.ui.{other}" for other in TABS if other != tab)
        for path in (PACKAGE / "ui" / tab).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom):
                    names = [f"{node.module}.{alias.name}" for alias in node.names]
                    count += any(name.startswith(others) for name in names)
    return count


def loaded_by_studio() -> list[str]:
    """Return the modules of the package that the studio loads."""
    script = "import sys, aigc_demo.studio; print(*(m for m in sys.modules if 'aigc_demo' in m))"
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return ran.stdout.split()


def test_cases() -> int:
    """Return the number of test cases, those in a browser among them."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return sum("::" in line for line in ran.stdout.splitlines())


if __name__ == "__main__":
    sys.exit(main())

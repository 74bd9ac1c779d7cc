"""A variable of the host that cannot be used is told in one line, wherever it is read."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from aigc_demo import settings
from aigc_demo.errors import BadValue
from aigc_demo.ui.app import launch_settings
from tests.app_server import ROOT

WRONG = ("abc", "-1", "1.5", "1e9", "٣", "99999999999999999999999", "1 2")


def test_a_number_has_a_default_and_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, (defaults, least, most) in settings.WHOLE.items():
        default = defaults if isinstance(defaults, int) else defaults[0]
        for text, value in (("", default), (f" {least} ", least), (str(most), most)):
            monkeypatch.setenv(name, text)
            assert settings.whole(name) == value
        for text in (*WRONG, str(most + 1)):
            monkeypatch.setenv(name, text)
            told = rf"^{name}: “{text[:40]}” cannot be used; set it to a whole number from {least}"
            with pytest.raises(BadValue, match=told):
                settings.whole(name)
            with pytest.raises(BadValue, match=f"^{name}: "):
                settings.check()
        monkeypatch.delenv(name)


def test_a_folder_may_be_missing_and_is_no_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    for name, default in settings.FOLDERS.items():
        monkeypatch.delenv(name, raising=False)
        assert settings.folder(name) == Path(default)
        monkeypatch.setenv(name, str(tmp_path / "none"))
        settings.check()
        monkeypatch.setenv(name, str(tmp_path / "file"))
        with pytest.raises(BadValue, match=f"^{name}: .* cannot be used; set it to a folder"):
            settings.check()
        monkeypatch.delenv(name)


def test_every_variable_that_is_read_is_documented() -> None:
    source = "".join(path.read_text() for path in [*(ROOT / "aigc_demo").rglob("*.py")])
    told = (ROOT / "docs" / "HOSTING.md").read_text()
    read = set(re.findall(r"\"(AIGC_\w+)\"", source))
    assert read > {"AIGC_PORT", "AIGC_HOST", "AIGC_DEVICE"}
    assert {name for name in read if f"`{name}`" not in told} == set()


PROGRAMS = {
    "app.py": ["app.py"],
    "train.py": ["train.py", "--list"],
    "restore": ["-m", "aigc_demo", "restore", "--method", "median", "in", "out"],
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_program_ends_with_one_line(program: str) -> None:
    name, value = {
        "app.py": ("AIGC_PORT", "abc"),
        "train.py": ("AIGC_MAX_RUNS", "many"),
        "restore": ("AIGC_DTYPE", "float16"),
    }[program]
    ended = subprocess.run(
        [sys.executable, *PROGRAMS[program]],
        cwd=ROOT,
        env={**os.environ, name: value},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode != 0
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"{program}: {name}: “{value}” cannot be used; set it to ")


def test_the_app_refuses_flags_before_it_starts() -> None:
    ended = subprocess.run(
        [sys.executable, "app.py", "--port", "8080"], cwd=ROOT, capture_output=True, text=True
    )
    assert ended.returncode == 2 and "unrecognized arguments: --port 8080" in ended.stderr


def test_an_address_of_another_computer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for host in ("203.0.113.7", "nowhere.invalid", "::2"):
        monkeypatch.setenv("AIGC_HOST", host)
        with pytest.raises(BadValue, match=f"^AIGC_HOST: “{host}” is no address of this comp"):
            launch_settings()

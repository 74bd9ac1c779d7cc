"""``python train.py`` as a person uses it: it trains, stops, goes on and explains its errors."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import train
from aigc_demo import device
from aigc_demo.methods import checkpoint
from aigc_demo.training import runs
from aigc_demo.training.events import Saved, Started
from tests import factories
from tests.app_server import ROOT
from tests.conftest import TinyData

WITHOUT_GRADIO_AND_NETWORK = """
import socket, sys
for name in ("gradio", "gradio_client", "spaces"):
    sys.modules[name] = None
connect = socket.socket.connect
def only_here(self, address):
    if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
        raise OSError("there is no network")
    return connect(self, address)
socket.socket.connect = only_here
socket.getaddrinfo = lambda *a, **k: (_ for _ in ()).throw(OSError("there is no network"))
"""
SMALL = ["--method", "dcgan", "--batch", "4", "--set", "width=8", "latent=8"]


def start(*words: str | Path, **environment: str) -> subprocess.Popen[str]:
    """Start ``python train.py`` on one thread."""
    return subprocess.Popen(
        [sys.executable, "train.py", "--threads", "1", *map(str, words)],
        cwd=ROOT,
        env={**os.environ, "AIGC_DEVICE": "cpu", "OMP_NUM_THREADS": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(directory: Path, kind: type, process: subprocess.Popen[str]) -> int:
    """Wait until the run has logged an event of this kind; return the step of the last one."""
    end = time.monotonic() + 200
    while time.monotonic() < end and process.poll() is None:
        found = [e.step for e in runs.events(directory) if isinstance(e, kind)]
        if found:
            return found[-1]
        time.sleep(0.05)
    process.kill()
    raise AssertionError(f"no {kind}: {process.communicate()}")


def called(monkeypatch: pytest.MonkeyPatch, *words: str | Path) -> int:
    """Call the program's `main` in this process."""
    monkeypatch.setattr(sys, "argv", ["train.py", *map(str, words)])
    return train.main()


def test_it_trains_without_gradio_and_without_a_network(tmp_path: Path) -> None:
    blocker = tmp_path / "site" / "sitecustomize.py"
    blocker.parent.mkdir()
    blocker.write_text(WITHOUT_GRADIO_AND_NETWORK)
    source = ["--data", "generated:fashion_mnist-dcgan?n=600"]
    where = ["--runs", tmp_path, "--name", "a"]
    process = start(*SMALL, *source, "--steps", "3", *where, PYTHONPATH=str(blocker.parent))
    out, problems = process.communicate(timeout=200)
    assert process.returncode == 0, problems
    assert f"done after 3 steps: {tmp_path / 'a' / 'model'}" in out
    assert checkpoint.load(tmp_path / "a" / "model")[1].steps == 3
    blocked = subprocess.run(
        [sys.executable, "-c", "import gradio"],
        env={**os.environ, "PYTHONPATH": str(blocker.parent)},
        capture_output=True,
    )
    assert blocked.returncode == 1


def test_a_killed_run_resumes_from_its_last_save_and_ctrl_c_ends_it_well(
    tmp_path: Path, tiny_data: TinyData
) -> None:
    budget = ["--data", tiny_data.zip, "--steps", "100000", "--save-every", "0.05"]
    process = start(*SMALL, *budget, "--runs", tmp_path, "--name", "a")
    wait_for(tmp_path / "a", Saved, process)
    process.kill()
    process.communicate()
    before = runs.events(tmp_path / "a")
    saved = max(e.step for e in before if isinstance(e, Saved))
    checkpoint.load(tmp_path / "a" / "model")

    process = start("--resume", "a", "--runs", tmp_path)
    end = time.monotonic() + 200
    while time.monotonic() < end and len(runs.events(tmp_path / "a")) < len(before) + 2:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, problems = process.communicate(timeout=200)
    assert process.returncode == 0, problems
    assert "Traceback" not in problems
    started, *_, last = runs.events(tmp_path / "a")[len(before) :]
    assert isinstance(started, Started)
    assert started.step >= saved  # a save may have been made that was not logged any more
    assert last.reason == "stopped" and last.step > started.step
    assert checkpoint.load(tmp_path / "a" / "model")[1].steps == last.step


ERRORS = {
    "an unknown method": (["--method", "alchemy", "--data", "{zip}", "--steps", "1"], "method"),
    "unknown data": (["--method", "flow", "--data", "nowhere", "--steps", "1"], "data"),
    "no method": (["--data", "{zip}", "--steps", "1"], "method"),
    "no budget": (["--method", "flow", "--data", "{zip}"], "steps or seconds"),
    "a wrong number": (["--method", "flow", "--data", "{zip}", "--steps", "0"], "steps"),
    "not a number": (["--method", "flow", "--data", "{zip}", "--seconds", "nan"], "seconds"),
    "an unknown setting": ([*SMALL, "colour=red", "--data", "{zip}", "--steps", "1"], "colour"),
    "a setting without value": ([*SMALL, "width", "--data", "{zip}", "--steps", "1"], "width"),
    "a name outside": ([*SMALL, "--data", "{zip}", "--steps", "1", "--name", "../x"], "name"),
    "an empty name": ([*SMALL, "--data", "{zip}", "--steps", "1", "--name", ""], "name"),
    "an unknown run": (["--resume", "nowhere"], "run"),
    "a run outside": (["--resume", "../x"], "name"),
    "an empty run": (["--resume", ""], "name"),
    "mirroring what is not one's own": (
        ["--method", "dcgan", "--data", "mnist", "--steps", "1", "--mirror"],
        "mirror",
    ),
    "a download of one's own": (
        [*SMALL, "--data", "{zip}", "--steps", "1", "--download"],
        "download",
    ),
    "a list with a plan": (["--list", "--method", "flow"], "method"),
    "a check with a name": (["--check", "{zip}", "--name", "a"], "name"),
    "two at once": (["--check", "{zip}", "--resume", "a"], "resume"),
}


def test_an_error_is_one_line_that_names_the_field(
    tmp_path: Path,
    tiny_data: TinyData,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for given, field in ERRORS.values():
        words = [w.format(zip=tiny_data.zip) for w in given]
        assert called(monkeypatch, *words, "--runs", tmp_path / "runs") == 2
        last = capsys.readouterr().err.splitlines()[-1]
        assert re.match(rf"train\.py: {field}: .+; .+\.$", last)
    assert not (tmp_path / "x").exists()


def test_a_terminal_that_lacks_a_script_shows_the_rest_of_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind, name in enumerate(("หมู", "C#")):
        (tmp_path / name).mkdir()
        for i in range(2):
            factories.draw(kind, i).save(tmp_path / name / f"{i}.png")
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="latin-1"))
    assert called(monkeypatch, "--check", tmp_path) == 0
    sys.stdout.flush()
    assert b"2  ???" in written.getvalue() and b"2  C#" in written.getvalue()


def test_a_resumed_run_goes_on_to_the_budget_that_is_given(
    tmp_path: Path, tiny_data: TinyData, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = ["--runs", tmp_path]
    new = [*SMALL, "--data", tiny_data.zip, "--score-every", "0", "--name", "a"]
    assert called(monkeypatch, *new, "--steps", "2", *where) == 0
    assert called(monkeypatch, "--resume", "a", "--steps", "5", "--save-every", "9", *where) == 0
    plan, last = runs.read_plan(tmp_path / "a"), runs.events(tmp_path / "a")[-1]
    assert (last.reason, last.step) == ("done", 5)
    assert (plan.steps, plan.seconds, plan.save_every) == (5, None, 9)
    more = str(last.seconds + 1)
    assert called(monkeypatch, "--resume", "a", "--seconds", more, *where) == 0
    plan, last = runs.read_plan(tmp_path / "a"), runs.events(tmp_path / "a")[-1]
    assert last.reason == "done" and last.step > 5
    assert (plan.steps, plan.seconds) == (None, float(more))


def test_what_cannot_change_when_a_run_is_resumed_is_refused_by_its_name(
    tmp_path: Path,
    tiny_data: TinyData,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    factories.train(tmp_path, factories.plan("dcgan", tiny_data.zip), "a")
    before = (tmp_path / "a" / "plan.json").read_bytes()
    fixed = {name.replace("_", "-"): "3" for name in train.TrainPlan.model_fields}
    fixed |= {"augment": "[]", "set": "a=1", "name": "b", "check": "x.zip", "threads": "0"}
    fixed |= {"steps": "3", "seconds": "0.00001"}  # no more than it has had
    for changing in ("config", "save-every", "preview-every", "score-every"):
        fixed.pop(changing)
    for flag, value in [*fixed.items(), ("mirror", None), ("list", None)]:
        words = ["--resume", "a", f"--{flag}", *([value] if value else [])]
        try:
            assert called(monkeypatch, *words, "--runs", tmp_path) == 2, flag
            field = "resume" if flag in ("check", "list") else flag
            assert f"train.py: {field}: " in capsys.readouterr().err
        except SystemExit as ended:  # argparse's own
            assert (flag, ended.code) == ("threads", 2)
    assert (tmp_path / "a" / "plan.json").read_bytes() == before


def test_settings_may_be_given_one_by_one() -> None:
    given = train.parser().parse_args(["--set", "a=1", "--set", "b=2", "c=3"])
    assert given.set == ["a=1", "b=2", "c=3"]


def test_missing_data_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = ["--method", "flow", "--data", "mnist", "--steps", "1"]
    assert called(monkeypatch, *plan, "--data-root", tmp_path, "--runs", tmp_path / "runs") == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("train.py: The data set mnist is not in the")


def test_a_device_that_is_not_there_leaves_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIGC_DEVICE", "gpu")
    device.default_device.cache_clear()
    plan = ["--method", "dcgan", "--data", "shapes", "--steps", "1"]
    assert called(monkeypatch, *plan, "--runs", tmp_path / "runs") == 2
    assert capsys.readouterr().err.startswith("train.py: AIGC_DEVICE: “gpu” is not on this")
    assert not (tmp_path / "runs").exists()


def test_list_shows_methods_data_and_runs(
    tmp_path: Path,
    tiny_data: TinyData,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    runs.create(tmp_path, train.TrainPlan(method="flow", data="mnist", steps=1), "my-run")
    where = ["--runs", tmp_path, "--data-root", tiny_data.root]
    assert called(monkeypatch, "--list", *where) == 0
    shown = capsys.readouterr().out
    assert "methods: dcgan, vae, flow" in shown
    assert "here: mnist" in shown
    assert re.search(r"my-run +Planned", shown)


def test_help_names_every_field_of_a_plan(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="^0$"):
        called(monkeypatch, "--help")
    shown = capsys.readouterr().out
    for name in train.TrainPlan.model_fields.keys() - {"config"}:
        assert f"--{name.replace('_', '-')}" in shown
    assert "--set" in shown and "Ctrl-C" in shown


def test_settings_are_read_as_a_person_means_them() -> None:
    for text, value in [
        ("a=1", 1),
        ("a=0.5", 0.5),
        ("a=true", True),
        ("a=hinge", "hinge"),
        ("a=1,2", [1, 2]),
        ("a=[1]", [1]),
        ("a=[1,2]", [1, 2]),
        ("a=colour,cutout", ["colour", "cutout"]),
        ('a=["cutout"]', ["cutout"]),
        ("a=b=c", "b=c"),
        ("a", ""),
    ]:
        assert train.setting(text) == ("a", value)

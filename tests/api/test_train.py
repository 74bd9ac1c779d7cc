"""Training through the running app, as a program asks for it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from aigc_demo.imaging import facade_labels


def until_done(client: Client, name: str, seconds: float = 120) -> dict[str, Any]:
    """Wait for the end of a run and return what is said of it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        (run,) = [r for r in client.predict(api_name="/runs") if r["name"] == name]
        if run["status"] not in ("waiting", "training"):
            return run
        time.sleep(0.3)
    raise AssertionError(f"{name} did not end")


def test_a_run_is_trained_and_its_model_paints(client: Client) -> None:
    plan = {"method": "dcgan", "data": "quickdraw", "minutes": 1, "steps": 20}
    name = client.predict(**plan, width=32, api_name="/train")
    run = until_done(client, name)
    assert (run["status"], run["step"]) == ("done", 20)
    assert {"fid_compact_500", "recall_compact_500"} <= set(run["scores"])
    pictures, *_ = client.predict(
        model=f"yours-{name}", label="ring", count=2, api_name="/generate"
    )
    assert [p["label"] for p in pictures] == ["ring", "ring"]


def test_a_translator_is_trained_and_its_model_translates(client: Client, tmp_path: Path) -> None:
    plan = {"method": "pix2pix", "data": "facades", "minutes": 1, "steps": 4, "batch": 2}
    name = client.predict(**plan, width=8, api_name="/train")
    run = until_done(client, name)
    assert (run["status"], run["step"]) == ("done", 4)
    facade_labels.example().save(tmp_path / "plan.png")
    path, details = client.predict(
        image=handle_file(str(tmp_path / "plan.png")), model=f"yours-{name}",
        api_name="/translate",
    )  # fmt: skip
    assert Image.open(path).size == (128, 128) and details["way"] == "plan → photo"


def test_a_plan_that_cannot_be_run_is_refused_with_a_sentence(client: Client) -> None:
    before = len(client.predict(api_name="/runs"))
    for change, message in (
        ({"method": "alchemy"}, "method: “alchemy” cannot be trained here"),
        ({"data": "/etc/passwd"}, "data: choose one of"),
        ({"minutes": "soon"}, "minutes: "),
        ({"minutes": 1e9}, "minutes: "),
        ({"lr": None}, "lr: "),
        ({"loss": "x" * 10_000}, "loss: "),
        ({"data": "cifar10"}, "cifar10 is not here yet"),
    ):
        plan = {"method": "dcgan", "data": "quickdraw"} | change
        with pytest.raises(AppError) as refused:
            client.predict(**plan, api_name="/train")
        assert message in str(refused.value) and "Traceback" not in str(refused.value)
        assert len(str(refused.value)) < 1000
    assert len(client.predict(api_name="/runs")) == before

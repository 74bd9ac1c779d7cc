"""Tiny data and models made with it, for all tests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from aigc_demo.methods import METHODS, vae
from aigc_demo.studio import Studio
from tests import factories


@dataclass(frozen=True)
class TinyData:
    """The same two classes of pictures as a folder and as a zip, the same as pairs of two domains,
    and a data root with MNIST.
    """

    folder: Path
    zip: Path
    pairs: Path
    root: Path

    def of(self, method: str) -> Path:
        """Return the zip that a method can learn from."""
        return self.zip if METHODS[method].needs == "pictures" else self.pairs


@pytest.fixture(scope="session", autouse=True)
def number_format() -> Iterator[None]:
    """Compute in float32 on every machine, child processes included, unless ``AIGC_DTYPE`` says
    otherwise.
    """
    with pytest.MonkeyPatch.context() as patch:
        if not os.environ.get("AIGC_DTYPE"):
            patch.setenv("AIGC_DTYPE", "float32")
        yield


@pytest.fixture(scope="session", autouse=True)
def priority() -> Iterator[None]:
    """Let workers train like any other process: on a busy machine the last never gets a turn."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIGC_NICE", "0")
        yield


@pytest.fixture(params=["float32", "bfloat16"])
def each_number_format(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a test in both number formats, of which bfloat16 is emulated on some processors."""
    monkeypatch.setenv("AIGC_DTYPE", request.param)
    return request.param


@pytest.fixture(scope="session", autouse=True)
def few_codes() -> Iterator[None]:
    """Fit the mixture of a VAE to few codes: a fit to thousands takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vae.VAETrainer, "FIT_SAMPLES", 40)
        yield


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> TinyData:
    """Return data sets that nobody may change."""
    base = tmp_path_factory.mktemp("data")
    folder = factories.write_folder(base / "shapes")
    pairs = factories.write_pairs(base / "pairs" / "shapes")
    return TinyData(
        folder,
        factories.write_zip(base / "shapes.zip", folder),
        factories.write_zip(base / "pairs" / "shapes.zip", pairs),
        factories.write_mnist(base / "root"),
    )


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_data: TinyData) -> Path:
    """Return a checkpoints folder, which nobody may change, with a model of each method, trained
    for a few steps, and one without classes.
    """
    base = tmp_path_factory.mktemp("trained")
    plans = {f"shapes-{name}": factories.plan(name, tiny_data.zip) for name in factories.GENERATE}
    plans["plain-dcgan"] = factories.plan(
        "dcgan", tiny_data.zip, config=factories.CONFIGS["dcgan"] | {"classes": 0}
    )
    for name, plan in plans.items():
        factories.train(base / "runs", plan, name)
        shutil.copytree(base / "runs" / name / "model", base / "checkpoints" / name)
    return base / "checkpoints"


@pytest.fixture
def studio(trained: Path) -> Studio:
    """Return a studio of the `trained` models."""
    return Studio(trained, device="cpu")


@pytest.fixture
def checkpoints(trained: Path, tmp_path: Path) -> Path:
    """Return a copy of the `trained` models that a test may change."""
    return shutil.copytree(trained, tmp_path / "checkpoints")


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Compute on one thread, so that sums are added in one order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)

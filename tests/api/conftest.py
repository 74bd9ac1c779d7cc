"""The running app and a client of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from gradio_client import Client

from aigc_demo.training import runs
from tests import factories
from tests.app_server import serve


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of an app with the shipped checkpoints, doodles and façades to
    learn from.
    """
    folder = tmp_path_factory.mktemp("app")
    data = factories.write_facades(factories.write_doodles(folder / "data"))
    places = {"AIGC_DATA": str(data), "AIGC_RUNS": str(folder / "runs")}
    with serve(folder / "log.txt", **places) as address:
        yield address
    for directory in runs.directories(folder / "runs"):
        runs.stop(directory)  # a worker that is left alone then ends


@pytest.fixture(scope="session")
def client(address: str, tmp_path_factory: pytest.TempPathFactory) -> Client:
    """Return a client of the app."""
    folder = tmp_path_factory.mktemp("downloads")
    patience = {"timeout": 300}
    return Client(address, verbose=False, download_files=str(folder), httpx_kwargs=patience)

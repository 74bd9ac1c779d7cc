"""The running app and a client of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from gradio_client import Client

from tests.server import serve


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of an app with the shipped checkpoints."""
    with serve(tmp_path_factory.mktemp("app") / "log.txt") as address:
        yield address


@pytest.fixture(scope="session")
def client(address: str, tmp_path_factory: pytest.TempPathFactory) -> Client:
    """Return a client of the app."""
    folder = tmp_path_factory.mktemp("downloads")
    patience = {"timeout": 300}
    return Client(address, verbose=False, download_files=str(folder), httpx_kwargs=patience)

"""A scripted server, and how it is asked: waits are hundredths of a second."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from microrank.services.chat import ChatSettings
from microrank.services.settings import Service
from microrank.services.store import Store
from services.scripted import Scripted, serving
from services.scripted_batches import BatchServer, serving_batches


@pytest.fixture(scope="session")
def one_server() -> Iterator[Scripted]:
    with serving() as scripted:
        yield scripted


@pytest.fixture
def server(one_server: Scripted) -> Scripted:
    """The one server of all tests, as new: starting and stopping one takes half a second."""
    one_server.renew()
    return one_server


@pytest.fixture(scope="session")
def one_batch_server() -> Iterator[BatchServer]:
    with serving_batches() as server:
        yield server


@pytest.fixture
def batch_server(one_batch_server: BatchServer) -> BatchServer:
    """The one server of batches, as new."""
    fresh = BatchServer(one_batch_server.base_url)
    for field in dataclasses.fields(fresh):
        setattr(one_batch_server, field.name, getattr(fresh, field.name))
    return one_batch_server


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def service(server: Scripted) -> Service:
    """Quick: waits are hundredths of a second."""
    return Service(
        "llms.tiny",
        server.base_url,
        concurrency=4,
        timeout_s=5.0,
        max_tries=3,
        max_wait_s=5.0,
        first_wait_s=0.01,
    )


@pytest.fixture
def settings(server: Scripted) -> ChatSettings:
    return ChatSettings(model="tiny", base_url=server.base_url)

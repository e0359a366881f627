"""TLS: a certificate that is not trusted, or of another name, ends it before anything is sent."""

import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from microrank.data.fetch import Patience, fetch
from microrank.errors import StudyError
from microrank.services.budget import Budget
from microrank.services.chat import ChatSettings, ask_chat
from microrank.services.embeddings import embed_texts
from microrank.services.preflight import check_chat
from microrank.services.settings import Service
from microrank.services.store import Store
from services.scripted import Scripted, answer_well, as_json, questions, serving
from werkzeug import Request, Response


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two self-signed certificates, each with its key: one of 127.0.0.1, one of another name."""
    folder = tmp_path_factory.mktemp("certificates")
    made = {}
    for name, subject in (("own", "IP:127.0.0.1"), ("another's", "DNS:example.org")):
        made[name] = folder / f"{name}.pem"
        command = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "1",
            "-subj",
            "/CN=localhost",
            "-keyout",
        ]
        command += [
            folder / "key.pem",
            "-out",
            folder / "certificate.pem",
            "-addext",
            f"subjectAltName={subject}",
        ]
        try:
            subprocess.run(command, capture_output=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("no openssl here to make a certificate with")
        made[name].write_bytes(
            (folder / "certificate.pem").read_bytes() + (folder / "key.pem").read_bytes()
        )
    return made


@pytest.fixture
def server(request: pytest.FixtureRequest, certificates: dict[str, Path]) -> Iterator[Scripted]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates[request.param])

    def answer(request: Request, body: dict) -> Response:
        return (
            as_json([[1.0, 2.0]] * len(body["inputs"]))
            if "inputs" in body
            else answer_well(request, body)
        )

    with serving(answer, context) as scripted:
        yield scripted


def chat(server: Scripted, folder: Path) -> None:
    settings = ChatSettings(model="tiny", base_url=server.base_url)
    ask_chat(
        questions(settings, 2),
        Service("llms.tiny", server.base_url, timeout_s=5.0, first_wait_s=0.01),
        Store(folder),
    )


def embeddings(server: Scripted, folder: Path) -> None:
    section = {
        "adapter": "tei",
        "model": "m",
        "base_url": server.base_url,
        "timeout_s": 5.0,
        "first_wait_s": 0.01,
    }
    embed_texts(["a", "b"], section, Store(folder))


def preflight(server: Scripted, folder: Path) -> None:
    service = Service("llms.tiny", server.base_url, timeout_s=5.0, first_wait_s=0.01)
    check_chat(service, ChatSettings(model="tiny", base_url=server.base_url), Budget())


def download(server: Scripted, folder: Path) -> None:
    fetch(
        folder / "x.csv", f"{server.base_url}/models", patience=Patience(tries=2, first_wait_s=0.01)
    )


NOT_TRUSTED = r"certificate is not trusted|no trusted certificate"
ASKING = [chat, embeddings, preflight, download]


@pytest.mark.parametrize("server", ["own", "another's"], indirect=True)
@pytest.mark.parametrize("ask", ASKING)
def test_a_certificate_that_nobody_vouches_for_ends_it_before_a_word_is_said(
    server: Scripted, ask: Callable[[Scripted, Path], None], tmp_path: Path
) -> None:
    with pytest.raises(StudyError, match=NOT_TRUSTED):
        ask(server, tmp_path)
    assert server.headers == []


@pytest.mark.parametrize("server", ["another's"], indirect=True)
@pytest.mark.parametrize("ask", ASKING)
def test_a_trusted_certificate_of_another_name_ends_it_too(
    server: Scripted,
    ask: Callable[[Scripted, Path], None],
    tmp_path: Path,
    certificates: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates["another's"]))
    with pytest.raises(StudyError, match=NOT_TRUSTED):
        ask(server, tmp_path)
    assert server.headers == []


@pytest.mark.parametrize("server", ["own"], indirect=True)
@pytest.mark.parametrize("ask", ASKING)
def test_an_authority_of_ones_own_can_be_named(
    server: Scripted,
    ask: Callable[[Scripted, Path], None],
    tmp_path: Path,
    certificates: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates["own"]))
    server.listed = {"data": []}
    ask(server, tmp_path)

"""The token leaves in one header, to its own host, and is found nowhere else."""

import logging
from dataclasses import replace

import pytest
from microrank.errors import StudyError
from microrank.services.chat import ask_chat
from microrank.services.completion import read_completion
from microrank.services.embeddings import embed_texts
from services.scripted import as_json, completion, questions, serving
from werkzeug import Response

TOKEN = "hf_PLANTED0123456789"


@pytest.fixture
def with_token(service, monkeypatch):
    monkeypatch.setenv("TINY_TOKEN", TOKEN)
    return replace(service, token_env="TINY_TOKEN")


def everything_in(folder) -> str:
    return "".join(
        path.read_text("utf-8", "replace") + str(path)
        for path in folder.rglob("*")
        if path.is_file()
    )


def test_the_token_goes_out_in_the_authorization_header_and_nowhere_else(
    server, store, with_token, settings
):
    ask_chat(questions(settings, 1), with_token, store)
    assert server.headers[0].pop("Authorization") == f"Bearer {TOKEN}"
    assert TOKEN not in repr(server.headers) + repr(server.bodies)


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429, 500])
def test_a_server_that_echoes_the_token_does_not_get_it_into_logs_errors_or_store(
    server, store, with_token, settings, caplog, status: int
):
    caplog.set_level(logging.DEBUG)
    echo = (
        {"error": {"message": f"incorrect key {TOKEN}"}}
        if status != 200
        else completion(f"your key is {TOKEN}", model=TOKEN)
    )
    server.answer = lambda request, body: as_json(
        echo, status, **{"x-inference-provider": TOKEN, "Location": f"http://x/{TOKEN}"}
    )
    message = ""
    try:
        answers = ask_chat(questions(settings, 3), replace(with_token, max_wait_s=0.05), store)
        message = repr([read_completion(entry.body) for entry in answers.values()])
    except StudyError as error:
        message = f"{error!r} {error.__cause__!r} {error.__context__!r}"
    assert "[token]" in message
    assert TOKEN not in message + caplog.text + everything_in(store.folder.parent)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_so_the_token_stays_with_its_host(
    server, store, with_token, settings, status: int
):
    with serving() as elsewhere:
        target = elsewhere.base_url.replace("127.0.0.1", "localhost")
        server.answer = lambda request, body: Response(
            "", status, {"Location": f"{target}/chat/completions"}
        )
        with pytest.raises(StudyError, match="redirects are not followed") as caught:
            ask_chat(questions(settings, 1), with_token, store)
        assert target in str(caught.value)
        assert elsewhere.headers == []


def test_a_netrc_file_is_not_consulted(server, store, service, settings, monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text("machine 0.0.0.0 login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    # 0.0.0.0 leads here too, but does not look like this machine, for which no file is read.
    ask_chat(
        questions(settings, 1),
        replace(service, base_url=service.base_url.replace("127.0.0.1", "0.0.0.0")),
        store,
    )
    assert "Authorization" not in server.headers[0]


def test_a_proxy_of_the_environment_is_not_used_for_this_machine(
    server, store, service, settings, monkeypatch
):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    ask_chat(questions(settings, 1), service, store)
    assert len(server.bodies) == 1


@pytest.mark.parametrize(
    "value", [f"{TOKEN}\nX-Header: 1", f"{TOKEN} twice", f"{TOKEN}é", f"{TOKEN}\x00"]
)
def test_what_cannot_be_a_token_is_one_line_without_its_value(
    server, store, with_token, settings, monkeypatch, value: str
):
    if "\x00" in value:
        monkeypatch.setattr("os.environ", {"TINY_TOKEN": value})
    else:
        monkeypatch.setenv("TINY_TOKEN", value)
    with pytest.raises(StudyError, match="what TINY_TOKEN holds cannot be a token") as caught:
        ask_chat(questions(settings, 1), with_token, store)
    assert TOKEN not in str(caught.value)
    assert server.bodies == []


def test_a_line_break_at_its_end_is_no_part_of_a_token(
    server, store, with_token, settings, monkeypatch
):
    monkeypatch.setenv("TINY_TOKEN", f"{TOKEN}\n")
    ask_chat(questions(settings, 1), with_token, store)
    assert server.headers[0]["Authorization"] == f"Bearer {TOKEN}"


def test_encoders_keep_the_token_as_well(server, store, monkeypatch, caplog):
    monkeypatch.setenv("TINY_TOKEN", TOKEN)
    server.answer = lambda request, body: as_json([[1.0, 2.0]])
    section = {
        "adapter": "tei",
        "model": "m",
        "base_url": server.base_url,
        "token_env": "TINY_TOKEN",
    }
    embed_texts(["a"], section, store)
    assert server.headers[0]["Authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in caplog.text + everything_in(store.folder)

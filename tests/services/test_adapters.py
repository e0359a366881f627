"""A kind of chat service is one module: what it knows is all that asking needs."""

import json

import pytest
import yaml
from commandline import ROOT
from microrank.errors import StudyError
from microrank.services.adapters import ADAPTERS, IN_PROCESS, adapter_of
from microrank.services.adapters.adapter import Adapter
from microrank.services.answers import completion_of
from microrank.services.chat import ChatSettings, ask_chat
from microrank.services.completion import Completion
from microrank.services.endings import Ending, ending_of
from microrank.services.failures import Malformed
from microrank.services.usage import Usage
from services.scripted import as_json

SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())


def read_paragraph(body, text: str) -> Completion:
    answer = json.loads(text)
    if "paragraph" not in answer:
        raise Malformed("no paragraph in it")
    return Completion(answer["paragraph"], answer["ended"], "m", Usage(3, 2))


OTHER_FORM = Adapter(
    path=lambda body: "/say",
    written=lambda parameters, messages, schema: {
        "model": parameters["model"],
        "messages": [dict(message) for message in messages],
        "limit": parameters["max_tokens"],
    },
    read=read_paragraph,
)


@pytest.fixture
def other(monkeypatch, server) -> ChatSettings:
    """The settings of a model behind a service that speaks another form than OpenAI's."""
    monkeypatch.setitem(ADAPTERS, "other-form", OTHER_FORM)
    section = {"adapter": "other-form", "base_url": server.base_url, "model": "m"}
    return ChatSettings.from_config(section)


def test_a_service_of_another_form_is_asked_by_its_adapter_alone(server, store, service, other):
    server.answer = lambda request, body: as_json(
        {"paragraph": f"{body['limit']} {request.path}", "ended": "stop"}
    )
    request = other.request([{"role": "user", "content": "a question"}], 0)
    answers = ask_chat({"a": request}, service, store)
    assert completion_of(request, answers["a"].body).text == "512 /v1/say"
    assert ask_chat({"a": request}, service, store)["a"].body == answers["a"].body
    assert len(server.bodies) == 1


@pytest.mark.parametrize(
    "answer", [{"text": "of another form"}, {"paragraph": "1, 2", "ended": "max_tokens"}]
)
def test_an_answer_that_the_adapter_calls_no_whole_one_is_not_kept(
    server, store, service, other, answer
):
    server.answer = lambda request, body: as_json(answer)
    request = other.request([{"role": "user", "content": "a question"}], 0)
    with pytest.raises(StudyError, match=r"no paragraph in it|cut"):
        ask_chat({"a": request}, service, store)
    assert not list(store.paths())
    assert ending_of("max_tokens") is Ending.CUT


def test_a_service_without_log_probabilities_is_never_asked_for_them(other):
    with pytest.raises(StudyError, match="other-form gives no log-probabilities"):
        other.first_token_request([], 0)
    with pytest.raises(StudyError, match="other-form gives no log-probabilities"):
        other.prompt_request("a text")


def test_the_schema_names_every_adapter():
    llm = SCHEMA["properties"]["llms"]["additionalProperties"]["properties"]
    assert set(llm["adapter"]["enum"]) == {*ADAPTERS, *IN_PROCESS}


def test_requests_of_every_adapter_lead_back_to_it():
    for name in ADAPTERS:
        section = {"adapter": name, "base_url": "http://127.0.0.1:9", "model": "m"}
        settings = ChatSettings.from_config(section)
        is_scorer = ADAPTERS[name].rank is not None
        request = settings.rerank_request("q", ["d"]) if is_scorer else settings.request([], 0)
        assert adapter_of(request) is ADAPTERS[name]

"""Can an encoder's service be asked? One batch of texts tells."""

from collections.abc import Mapping, Sequence
from typing import Any

from microrank.errors import StudyError
from microrank.services.budget import Budget
from microrank.services.check_chat import hasty, reached, served
from microrank.services.client import Call, Client
from microrank.services.connection import Reply
from microrank.services.embedding_settings import EmbeddingSettings
from microrank.services.embeddings import REMEDIES
from microrank.services.failures import QuestionFailed
from microrank.services.preflight import Finding
from microrank.services.settings import Service
from microrank.services.tokens import texts_estimate
from microrank.services.usage import Usage
from microrank.services.vectors import Vectors, read_embeddings


def check_encoder(
    name: str, section: Mapping[str, Any], texts: Sequence[str], budget: Budget
) -> list[Finding]:
    """Embed one batch of texts of the study's size; the vectors are not kept.

    Args:
        name: the entry's key in the config, for messages.
        section: the entry of `encoders`.
        texts: with their prefixes.
        budget: what may be spent.

    Raises:
        StudyError: the service cannot be asked; the message says what to do.
    """
    settings = EmbeddingSettings.from_config(section)
    service = hasty(Service.from_config(name, section, settings.base_url))
    url = settings.url(service.base_url)
    token = service.token("it asks for a token")

    def read(reply: Reply) -> Vectors:
        return read_embeddings(reply.body, len(texts), settings.token_pooling)

    def usage(answer: Vectors) -> Usage:
        return Usage(prompt_tokens=answer.tokens)

    call = Call(url, settings.batch(texts), texts_estimate(texts), read, usage)
    with Client(service, token, budget) as client:
        try:
            answer, reply = client.ask(call)
        except QuestionFailed as failed:
            problem = f"{client.stopped or failed}; {REMEDIES[settings.adapter]}"
            raise StudyError(problem) from failed
    result = (
        f"{reply.latency_s:.2f} s, {answer.vectors.shape[1]} numbers a text, "
        f"{answer.tokens or 'unknown'} tokens"
    )
    return [
        *reached(service, url, token),
        served(settings.model, answer.served_model),
        Finding(f"one batch of {len(texts)} texts", result),
    ]

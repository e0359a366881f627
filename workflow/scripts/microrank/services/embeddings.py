"""Text embeddings from a service: asked for in batches, kept for each text by itself.

A text is never embedded, or paid for, twice.
"""

import contextlib
import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from microrank.errors import StudyError
from microrank.services.budget import spending
from microrank.services.client import Call, Client
from microrank.services.connection import Reply
from microrank.services.dispatch import Failure, ask_each
from microrank.services.embedding_settings import EmbeddingSettings, base_url_of, batch_size_of
from microrank.services.failures import QuestionFailed, Refused, Unserved
from microrank.services.locks import hold, lock_of
from microrank.services.served import ServedModels
from microrank.services.settings import Service
from microrank.services.store import Entry, Request, Store, canonical, request_key
from microrank.services.tokens import texts_estimate
from microrank.services.usage import Usage
from microrank.services.vectors import Vectors, read_embeddings

NAME_LENGTH = 60  # characters of a text that messages show
REMEDY = "if it is too long for the server, lower `subset.history_length`"
REMEDIES = {
    "openai-embeddings": f"{REMEDY}, or have the server cut or take long texts "
    "(vLLM: `extra: {truncate_prompt_tokens: -1}`; llama-server: larger -b, -ub and -c; "
    "text-embeddings-inference: `adapter: tei`)",
    "hf-inference": REMEDY,
    "tei": f"{REMEDY}, or raise the server's --max-batch-tokens",
}
log = logging.getLogger(__name__)


def embed_texts(
    texts: Sequence[str],
    section: Mapping[str, Any],
    store: Store,
    *,
    name: str = "encoders",
    budget: Mapping[str, Any] | None = None,
) -> np.ndarray:
    """Embed texts as they are, from the store or else from the service.

    Args:
        texts: with their prefixes.
        section: an entry of the config's `encoders` with a service's adapter.
        store: where vectors are kept.
        name: the entry's key in the config, for messages.
        budget: the config's `budget`.

    Returns:
        `[n_texts, d]`, float32, in the order of `texts`; as the service gave them: not normalised.

    Raises:
        StudyError: vectors are missing and cannot be had; those that came are kept.
    """
    settings = EmbeddingSettings.from_config(section)
    vectors = {text: _kept(store, settings.request(text)) for text in texts}
    missing = [text for text, vector in vectors.items() if vector is None]
    n_kept = len(vectors) - len(missing)
    log.info("%s: %d of %d embeddings are in the store", name, n_kept, len(vectors))
    if missing:
        store.missing(
            {f"the embedding of {_short(text)}": settings.request(text) for text in missing}
        )
        service = Service.from_config(name, section, base_url_of(section))
        token = service.token(f"{len(missing)} embeddings are not in the store yet")
        # One lock for the whole job: another job's batches hold other texts, and a lock for each
        # text would be a file held open.
        lock = lock_of(store, request_key(settings.request("")))
        waiting = f"{name}: another job is asking; this one waits for its answers"
        with (
            spending(budget, store) as limits,
            hold(lock, waiting=waiting),
            Client(service, token, limits) as client,
        ):
            client.answered = n_kept
            embedder = _Embedder(client, store, settings, vectors)
            batches = _batches(missing, batch_size_of(section))
            ask_each(client, batches, embedder.ask, _name_of, embedder.n_unanswered)
    return _stacked(texts, vectors, name)


def _batches(texts: Sequence[str], size: int) -> list[Sequence[str]]:
    return [texts[start : start + size] for start in range(0, len(texts), size)]


def _name_of(batch: Sequence[str]) -> str:
    return f"{len(batch)} texts from {_short(batch[0])}"


def _text_name(text: str) -> str:
    return f"the text {_short(text)} of {len(text)} characters"


def _short(text: str) -> str:
    return repr(text[:NAME_LENGTH])


def _kept(store: Store, request: Request) -> np.ndarray | None:
    entry = store.get(request)
    return None if entry is None else np.asarray(json.loads(entry.body), np.float32)


def _stacked(
    texts: Sequence[str], vectors: Mapping[str, np.ndarray | None], name: str
) -> np.ndarray:
    """`[n_texts, d]`; all texts have a vector by now."""
    known = {text: vector for text, vector in vectors.items() if vector is not None}
    sizes = sorted({len(vector) for vector in known.values()})
    if len(sizes) > 1:
        raise StudyError(
            f"{name}: the service answered vectors of different lengths "
            f"({', '.join(map(str, sizes))}); pin its model"
        )
    return np.stack([known[text] for text in texts]) if len(texts) else np.zeros((0, 0), np.float32)


class _Embedder:
    """Asks batch after batch, and keeps every text's vector as soon as its batch is there."""

    def __init__(
        self,
        client: Client,
        store: Store,
        settings: EmbeddingSettings,
        vectors: dict[str, np.ndarray | None],
    ) -> None:
        self._client, self._store, self._settings, self._vectors = client, store, settings, vectors
        self._served = ServedModels(client.service.name)

    def n_unanswered(self, texts: Sequence[str]) -> int:
        """How many of `texts` have no vector yet."""
        return sum(self._vectors[text] is None for text in texts)

    def ask(self, texts: Sequence[str]) -> Sequence[Failure]:
        """Embed and keep `texts`; a batch that the server cannot do is halved.

        Returns:
            The texts that have no vector: a text that the server cannot do fails alone.
        """
        texts = self._without_vector(texts)
        if not texts:
            return []
        try:
            answer, reply = self._client.ask(self._call(texts))
        except (Refused, Unserved) as failed:
            return self._ask_halves(texts, failed) if len(texts) > 1 else self._fail(texts, failed)
        except QuestionFailed as failed:
            return [Failure(_text_name(text), str(failed)) for text in texts]
        self._served.note(self._settings.model, answer.served_model)
        self._keep(texts, answer, reply.latency_s)
        return []

    def _fail(self, texts: Sequence[str], failed: QuestionFailed) -> Sequence[Failure]:
        """Give up one text; where none was ever embedded, that may stop all asking."""
        problem = str(failed)
        if isinstance(failed, Refused):
            problem = failed.problem if failed.is_too_long else str(failed)
            with contextlib.suppress(QuestionFailed):
                self._client.give_up(failed)
        return [Failure(_text_name(texts[0]), f"{problem}; {REMEDIES[self._settings.adapter]}")]

    def _without_vector(self, texts: Sequence[str]) -> list[str]:
        """Return the texts without a vector; other jobs may have asked for some meanwhile."""
        self._vectors |= {text: _kept(self._store, self._settings.request(text)) for text in texts}
        return [text for text in texts if self._vectors[text] is None]

    def _call(self, texts: Sequence[str]) -> Call[Vectors]:
        service, settings = self._client.service, self._settings

        def read(reply: Reply) -> Vectors:
            return read_embeddings(reply.body, len(texts), settings.token_pooling)

        def usage(answer: Vectors) -> Usage:
            return Usage(prompt_tokens=answer.tokens)

        return Call(
            settings.url(service.base_url),
            settings.batch(texts),
            texts_estimate(texts),
            read,
            usage,
        )

    def _ask_halves(self, texts: Sequence[str], failed: QuestionFailed) -> Sequence[Failure]:
        """Ask for both halves, the second also where the first fails."""
        problem = failed.problem if isinstance(failed, Refused) else str(failed)
        log.info("%d texts have no vectors (%s); asking for halves", len(texts), problem)
        middle = len(texts) // 2
        return [*self.ask(texts[:middle]), *self.ask(texts[middle:])]

    def _keep(self, texts: Sequence[str], answer: Vectors, latency_s: float) -> None:
        """Keep each text's vector, with its share of the batch's tokens and time."""
        service, n = self._client.service, len(texts)
        share, rest = divmod(answer.tokens, n)
        shares = [share + 1] * rest + [share] * (n - rest)
        for text, vector, tokens in zip(texts, answer.vectors, shares, strict=True):
            usage = Usage(prompt_tokens=tokens, completion_tokens=0)
            entry = Entry(
                request=self._settings.request(text),
                body=canonical([float(number) for number in vector]),
                served_model=answer.served_model,
                usage=usage.to_json(),
                latency_s=round(latency_s / n, 6),
                cost_usd=service.cost_usd(usage),
            )
            kept = self._store.put(entry)
            self._vectors[text] = np.asarray(json.loads(kept.body), np.float32)

"""Text embeddings from a service: asked for in batches, kept per text, so that a text is never embedded (or paid for) twice."""

import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from microrank.errors import StudyError
from microrank.services.budget import Spent, spending
from microrank.services.client import Client, Estimate
from microrank.services.connection import Reply
from microrank.services.dispatch import ask_each
from microrank.services.failures import Refused
from microrank.services.locks import hold, lock_of
from microrank.services.served import ServedModels
from microrank.services.settings import Service
from microrank.services.store import Entry, Store, canonical, request_key
from microrank.services.vectors import read_embeddings

HF_INFERENCE = "https://router.huggingface.co/hf-inference/models"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EmbeddingSettings:
    """All that shapes an embedding, the text aside: part of every request's key."""

    adapter: str  # openai-embeddings: {base_url}/embeddings | hf-inference: Hugging Face's router | tei: {base_url}/embed
    model: str
    base_url: str
    dimensions: int | None = None
    token_pooling: str = "mean"  # mean | first: for services that answer a vector for each token
    revision: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_config(cls, section: Mapping[str, Any]) -> Self:
        """Pick the shaping keys of an entry of `encoders`."""
        settings = {key: value for key, value in section.items() if key in cls.__dataclass_fields__}
        return cls(**{**settings, "base_url": base_url_of(section)})

    def request(self, text: str) -> dict[str, Any]:
        """One text's request: its key's preimage. How texts are batched is no part of it."""
        body: dict[str, Any] = {"model": self.model, "input": text, **self.extra}
        if self.dimensions is not None:
            body["dimensions"] = self.dimensions
        request = {
            "adapter": self.adapter,
            "base_url": self.base_url,
            "body": body,
            "token_pooling": self.token_pooling,
        }
        return request if self.revision is None else {**request, "revision": self.revision}

    def url(self, base_url: str) -> str:
        """Where batches are posted to."""
        path = {
            "openai-embeddings": "embeddings",
            "hf-inference": f"{self.model}/pipeline/feature-extraction",
            "tei": "embed",
        }
        return f"{base_url}/{path[self.adapter]}"

    def batch(self, texts: Sequence[str]) -> dict[str, Any]:
        """The body of one HTTP request for `texts`."""
        if self.adapter == "openai-embeddings":
            dimensions = {} if self.dimensions is None else {"dimensions": self.dimensions}
            return {
                "model": self.model,
                "input": list(texts),
                "encoding_format": "float",
                **dimensions,
                **self.extra,
            }
        return {"inputs": list(texts), "truncate": True, "normalize": False, **self.extra}


def base_url_of(section: Mapping[str, Any]) -> str:
    """Where an entry's service is."""
    return str(section.get("base_url") or HF_INFERENCE).rstrip("/")


def embed_texts(
    texts: Sequence[str],
    section: Mapping[str, Any],
    store: Store,
    *,
    name: str = "encoders",
    budget: Mapping[str, Any] | None = None,
) -> np.ndarray:
    """Embed texts as they are (prefixes already put before them), from the store or else from the service.

    Args:
        section: an entry of the config's `encoders` with adapter openai-embeddings, hf-inference or tei: what shapes the answer
            (EmbeddingSettings) and how to ask (services.settings.Service; batch_size).
        name: the entry's config key, for messages.

    Returns:
        [n_texts, d], float32, in the order of `texts`; as the service gave them: not normalised here.

    Raises:
        StudyError: vectors are missing and cannot be had; batches that came are kept.
    """
    settings = EmbeddingSettings.from_config(section)
    requests = {text: settings.request(text) for text in texts}
    vectors = {text: _kept(store, request) for text, request in requests.items()}
    missing = [text for text, vector in vectors.items() if vector is None]
    log.info(
        "%s: %d of %d embeddings are in the store",
        name,
        len(requests) - len(missing),
        len(requests),
    )
    if missing:
        store.missing({f"the embedding of {text[:60]!r}": requests[text] for text in missing})
        service = Service.from_config(name, section, base_url_of(section))
        batches = [
            missing[start : start + batch_size_of(section)]
            for start in range(0, len(missing), batch_size_of(section))
        ]
        token = service.token(f"{len(missing)} embeddings are not in the store yet")
        # One lock for the whole job: texts of two jobs come in other batches, and a lock for each text would be a file held open.
        lock, words = (
            lock_of(store, request_key(settings.request(""))),
            f"{name}: another job is asking; this one waits for its answers",
        )
        with (
            spending(budget, store) as limits,
            hold(lock, waiting=words),
            Client(service, token, limits) as client,
        ):
            client.answered = len(requests) - len(missing)
            embedder = _Embedder(client, store, settings, vectors)
            ask_each(
                client,
                batches,
                embedder.ask,
                lambda batch: f"{len(batch)} texts from {batch[0][:60]!r}",
            )
    found = {text: vector for text, vector in vectors.items() if vector is not None}
    sizes = {len(vector) for vector in found.values()}
    if len(sizes) > 1:
        raise StudyError(
            f"{name}: the service answered vectors of different lengths ({', '.join(map(str, sorted(sizes)))}); pin its model"
        )
    return np.stack([found[text] for text in texts]) if len(texts) else np.zeros((0, 0), np.float32)


def batch_size_of(section: Mapping[str, Any]) -> int:
    """Texts in one HTTP request."""
    return int(section.get("batch_size", 32))


def _kept(store: Store, request: Mapping[str, Any]) -> np.ndarray | None:
    entry = store.get(request)
    return None if entry is None else np.asarray(json.loads(entry.body), np.float32)


class _Embedder:
    """Asks batch after batch; keeps every text's vector as soon as its batch is there."""

    def __init__(
        self,
        client: Client,
        store: Store,
        settings: EmbeddingSettings,
        vectors: dict[str, np.ndarray | None],
    ) -> None:
        self._client, self._store, self._settings, self._vectors = client, store, settings, vectors
        self._served = ServedModels(client.service.name)

    def ask(self, texts: Sequence[str]) -> None:
        """Embed and keep `texts`; a batch that is too large for the service (413, 422) is halved."""
        settings, service = self._settings, self._client.service
        self._vectors |= {
            text: _kept(self._store, settings.request(text)) for text in texts
        }  # another job may have asked meanwhile
        texts = [text for text in texts if self._vectors[text] is None]
        if not texts:
            return

        def read(reply: Reply) -> tuple[np.ndarray, int, str | None]:
            return read_embeddings(reply.body, len(texts), settings.token_pooling)

        def used(answer: tuple[np.ndarray, int, str | None]) -> Spent:
            return Spent(1, answer[1], service.cost_usd(answer[1], 0) or 0.0)

        n_bytes = sum(len(text.encode("utf-8", "replace")) for text in texts)
        estimate = Estimate(
            math.ceil(n_bytes / 3.5) + 2 * len(texts), n_bytes // 2 + 4 * len(texts)
        )
        try:
            (embeddings, tokens, served), reply = self._client.ask(
                settings.url(service.base_url), settings.batch(texts), read, estimate, usage=used
            )
        except Refused as refused:
            if len(texts) == 1 or refused.status == 400:
                self._client.give_up(refused)
            middle = len(texts) // 2
            log.info(
                "%s: %d texts are too many at once (status %d); asking for halves",
                service.name,
                len(texts),
                refused.status,
            )
            self._ask_halves(texts[:middle], texts[middle:])
            return
        self._served.note(settings.model, served)
        shares = [
            tokens // len(texts) + (index < tokens % len(texts)) for index in range(len(texts))
        ]
        for text, vector, share in zip(texts, embeddings, shares, strict=True):
            entry = Entry(
                request=settings.request(text),
                body=canonical([float(number) for number in vector]),
                served_model=served,
                usage={"prompt_tokens": share, "completion_tokens": 0},
                latency_s=round(reply.latency_s / len(texts), 6),
                cost_usd=service.cost_usd(share, 0),
            )
            self._vectors[text] = np.asarray(json.loads(self._store.put(entry).body), np.float32)

    def _ask_halves(self, first: Sequence[str], second: Sequence[str]) -> None:
        """The second half is asked even where the first fails."""
        try:
            self.ask(first)
        finally:
            self.ask(second)

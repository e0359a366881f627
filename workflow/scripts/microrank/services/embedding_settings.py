"""The settings of an encoder's service that shape its vectors, and the requests that they make."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

HF_INFERENCE = "https://router.huggingface.co/hf-inference/models"
DEFAULT_BATCH_SIZE = 32


@dataclass(frozen=True)
class EmbeddingSettings:
    """All that shapes an embedding but the text; part of every request's key."""

    # openai-embeddings: {base_url}/embeddings | hf-inference: Hugging Face's router
    # | tei: {base_url}/embed
    adapter: str
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
        """Make one text's request; its hash is the vector's key. Batches are no part of it."""
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
        if self.adapter != "openai-embeddings":
            return {"inputs": list(texts), "truncate": True, "normalize": False, **self.extra}
        dimensions = {} if self.dimensions is None else {"dimensions": self.dimensions}
        return {
            "model": self.model,
            "input": list(texts),
            "encoding_format": "float",
            **dimensions,
            **self.extra,
        }


def base_url_of(section: Mapping[str, Any]) -> str:
    """Where the service of an entry of `encoders` is."""
    return str(section.get("base_url") or HF_INFERENCE).rstrip("/")


def batch_size_of(section: Mapping[str, Any]) -> int:
    """Texts in one HTTP request."""
    return int(section.get("batch_size", DEFAULT_BATCH_SIZE))

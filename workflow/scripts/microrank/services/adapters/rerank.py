"""Services' `/rerank`: a cross-encoder behind a server scores each document for a query.

Cohere's shape is spoken by vLLM, llama.cpp's server (`--reranking`), Jina and others;
text-embeddings-inference has its own.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from microrank.services.adapters.adapter import Adapter, Body, Parameters
from microrank.services.completion import Completion
from microrank.services.reranks import read_reranked

COHERE, TEI = "documents", "texts"  # the field of the documents


def _path(body: Body) -> str:
    return "/rerank"


def _cohere(parameters: Parameters, query: str, documents: Sequence[str]) -> dict[str, Any]:
    """All documents are asked for: some services leave out those that they find worst."""
    body = {"model": parameters["model"], "top_n": len(documents), **parameters["extra"]}
    return body | {"query": query, COHERE: list(documents)}


def _tei(parameters: Parameters, query: str, documents: Sequence[str]) -> dict[str, Any]:
    """Raw scores: those between 0 and 1 may be equal where these are not."""
    body = {"model": parameters["model"], "raw_scores": True, "truncate": True}
    return body | parameters["extra"] | {"query": query, TEI: list(documents)}


def _read(documents: str, body: Body, text: str) -> Completion:
    return read_reranked(text, len(body[documents]))


COHERE_RERANK = Adapter(_path, None, partial(_read, COHERE), rank=_cohere)
TEI_RERANK = Adapter(_path, None, partial(_read, TEI), rank=_tei)

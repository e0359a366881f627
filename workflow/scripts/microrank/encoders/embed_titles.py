"""Vectors of the titles that the subset needs, and of each user's history as one text."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from microrank import tables
from microrank.errors import StudyError

SEPARATOR = " | "
Embedder = Callable[[Sequence[str]], np.ndarray]  # texts → [n_texts, d]


class Embedded(NamedTuple):
    """titles: item_id, embedding. histories: user_id, embedding."""

    titles: pa.Table
    histories: pa.Table


def embed_titles(
    subset: pa.Table, catalogue: pa.Table, settings: Mapping[str, Any], embedder: Embedder
) -> Embedded:
    """Embed the titles of histories and candidates, and each history as one text.

    A history's text begins with the newest title, since encoders cut long texts off at the end. A
    text without a word gets the zero vector: its similarity to everything is 0.

    Args:
        subset: table SUBSET.
        catalogue: table ITEMS.
        settings: the encoder's entry of the config: prefix (put before each text), normalise (to
            length 1).
        embedder: gives the vectors of texts.

    Raises:
        StudyError: the embedder's vectors are not finite numbers, one vector a text.
    """
    titles = _titles(subset, catalogue)
    histories = [
        SEPARATOR.join(filter(None, (titles[item] for item in reversed(items))))
        for items in subset["history"].to_pylist()
    ]
    vectors = _embed([*titles.values(), *histories], settings, embedder)
    of_titles = _table("item_id", list(titles), vectors[: len(titles)])
    of_histories = _table("user_id", subset["user_id"].to_pylist(), vectors[len(titles) :])
    return Embedded(of_titles.cast(tables.embeddings_schema(vectors.shape[1])), of_histories)


def _titles(subset: pa.Table, catalogue: pa.Table) -> dict[int, str]:
    """item_id → title of the items that the subset names, sorted by id."""
    named = [subset[column].combine_chunks().flatten() for column in ("history", "candidates")]
    needed = np.unique(np.concatenate([items.to_numpy() for items in named]))
    is_needed = np.isin(catalogue["item_id"].to_numpy(), needed)
    rows = catalogue.filter(pa.array(is_needed)).sort_by("item_id")
    titles = (title.strip() for title in rows["title"].to_pylist())
    return dict(zip(rows["item_id"].to_pylist(), titles, strict=True))


def _table(id_name: str, ids: Sequence[int], vectors: np.ndarray) -> pa.Table:
    column = pa.FixedSizeListArray.from_arrays(vectors.ravel(), vectors.shape[1])
    return pa.table({id_name: pa.array(ids, pa.int64()), "embedding": column})


def _embed(texts: Sequence[str], settings: Mapping[str, Any], embedder: Embedder) -> np.ndarray:
    """`[n_texts, d]`: each distinct text is embedded once, longest first for even batches."""
    distinct = sorted({text for text in texts if text}, key=lambda text: (-len(text), text))
    if not distinct:
        raise StudyError(
            "none of the subset's items has a title: there is nothing to embed; "
            "leave encoder methods out of `methods`"
        )
    prefix = settings.get("prefix", "")
    vectors = np.asarray(embedder([prefix + text for text in distinct]), np.float32)
    if vectors.ndim != 2 or len(vectors) != len(distinct) or not np.isfinite(vectors).all():
        raise StudyError(
            f"the encoder gave vectors of shape {vectors.shape} for {len(distinct)} texts, "
            "or values that are no numbers"
        )
    if settings.get("normalise", True):
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors /= np.maximum(lengths, np.finfo(np.float32).tiny)
    row_of = {text: row for row, text in enumerate(distinct)}
    with_zero = np.concatenate([vectors, np.zeros((1, vectors.shape[1]), np.float32)])
    return with_zero[[row_of.get(text, len(distinct)) for text in texts]]

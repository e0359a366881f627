"""Vectors of the titles that the subset needs, and of each user's history as one text."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from microrank import tables
from microrank.errors import StudyError

SEPARATOR = " | "

Embedder = Callable[[Sequence[str]], np.ndarray]


class Embedded(NamedTuple):
    """titles: item_id, embedding. histories: user_id, embedding."""

    titles: pa.Table
    histories: pa.Table


def embed_titles(
    subset: pa.Table, catalogue: pa.Table, settings: Mapping[str, Any], embedder: Embedder
) -> Embedded:
    """Embed the titles of histories and candidates, and each history as one text, as the study did.

    A history's text has its newest title first, since encoders cut long texts off at the end. A text without a word gets the zero vector:
    nothing is known of it, and its similarity to everything is 0.

    Args:
        subset: table SUBSET. catalogue: table ITEMS.
        settings: the encoder's entry of the config: prefix (put before each text), normalise (to length 1).
        embedder: gives the vectors of texts.

    Raises:
        StudyError: the embedder's vectors are not finite numbers, one vector a text.
    """
    needed = np.unique(
        np.concatenate(
            [
                subset[name].combine_chunks().flatten().to_numpy()
                for name in ("history", "candidates")
            ]
        )
    )
    known = catalogue.filter(pa.array(np.isin(catalogue["item_id"].to_numpy(), needed))).sort_by(
        "item_id"
    )
    titles = dict(
        zip(
            known["item_id"].to_pylist(),
            (title.strip() for title in known["title"].to_pylist()),
            strict=True,
        )
    )
    histories = [
        SEPARATOR.join(filter(None, (titles[item] for item in reversed(row))))
        for row in subset["history"].to_pylist()
    ]
    vectors = _embed([*titles.values(), *histories], settings, embedder)
    dimension = vectors.shape[1]

    def table(name: str, ids: Sequence[int], rows: np.ndarray) -> pa.Table:
        return pa.table(
            {
                name: pa.array(ids, pa.int64()),
                "embedding": pa.FixedSizeListArray.from_arrays(rows.ravel(), dimension),
            }
        )

    return Embedded(
        table("item_id", list(titles), vectors[: len(titles)]).cast(
            tables.embeddings_schema(dimension)
        ),
        table("user_id", subset["user_id"].to_pylist(), vectors[len(titles) :]),
    )


def _embed(texts: Sequence[str], settings: Mapping[str, Any], embedder: Embedder) -> np.ndarray:
    """[n_texts, d]: each distinct text is embedded once, longest first so that the batches are even."""
    distinct = sorted({text for text in texts if text}, key=lambda text: (-len(text), text))
    if not distinct:
        raise StudyError(
            "none of the subset's items has a title: there is nothing to embed; leave encoder methods out of `methods`"
        )
    found = np.asarray(
        embedder([settings.get("prefix", "") + text for text in distinct]), np.float32
    )
    if found.ndim != 2 or len(found) != len(distinct) or not np.isfinite(found).all():
        raise StudyError(
            f"the encoder gave vectors of shape {found.shape} for {len(distinct)} texts, or values that are no numbers"
        )
    if settings.get("normalise", True):
        found /= np.maximum(np.linalg.norm(found, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    place = {text: row for row, text in enumerate(distinct)}
    padded = np.concatenate([found, np.zeros((1, found.shape[1]), np.float32)])
    return padded[[place.get(text, len(distinct)) for text in texts]]

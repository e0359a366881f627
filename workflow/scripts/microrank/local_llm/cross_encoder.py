"""A cross-encoder of sentence-transformers in this process."""

import json
import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from microrank.errors import StudyError
from microrank.services.store import Entry, Request, Store
from microrank.services.tokens import asked_texts

BATCH = 32  # pairs of texts that are read at once
log = logging.getLogger(__name__)


def score_pairs(
    folder: Path, name: str, device: str, requests: Sequence[Request], store: Store
) -> None:
    """Score the documents of each request, and keep the scores as soon as they are there.

    Args:
        folder: of the model.
        name: of the entry of `llms`, for messages.
        device: cpu | cuda.
        requests: those that the store lacks.
        store: where the scores are kept.

    Raises:
        StudyError: the folder does not load, is no cross-encoder, or gives what is no number.
    """
    model = _load(folder, name, device)
    for request in requests:
        began = time.monotonic()
        body = request["body"]
        scores = _scores(model, name, body["query"], body["documents"])
        served = f"{request['model']} ({request['weights'][:19]}, {request['dtype']})"
        usage = {"prompt_tokens": _n_tokens(model, asked_texts(body)), "completion_tokens": 0}
        answer = json.dumps({"scores": scores}, allow_nan=False)
        latency_s = round(time.monotonic() - began, 4)
        store.put(Entry(request, answer, served_model=served, usage=usage, latency_s=latency_s))


def _scores(model: Any, name: str, query: str, documents: Sequence[str]) -> list[float]:
    """[n_documents], before any activation: one between 0 and 1 would make large scores equal."""
    from torch.nn import Identity

    pairs = [(query, document) for document in documents]
    values = np.asarray(
        model.predict(pairs, batch_size=BATCH, activation_fn=Identity(), show_progress_bar=False)
    )
    if values.shape != (len(documents),) or not np.isfinite(values).all():
        raise StudyError(
            f"{name}: the model does not give one finite number for a pair of texts; "
            "name a cross-encoder with one label"
        )
    return [float(value) for value in values]


def _n_tokens(model: Any, texts: Sequence[str]) -> int:
    return sum(len(tokens) for tokens in model.tokenizer(list(texts)).input_ids)


def _load(folder: Path, name: str, device: str) -> Any:
    """No code in the folder is run."""
    if not any(folder.glob("*.safetensors")):
        raise StudyError(
            f"{name}: {folder} has no *.safetensors file; only such folders are read, since other "
            "formats can run code"
        )
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # all that is needed is in the folder
    from sentence_transformers import CrossEncoder
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    try:
        model = CrossEncoder(
            str(folder), device=device, trust_remote_code=False, local_files_only=True
        )
    except (OSError, ValueError, KeyError, ImportError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise StudyError(f"{name}: the model in {folder} cannot be loaded ({reason})") from error
    if model.num_labels != 1:
        raise StudyError(
            f"{name}: {folder} has {model.num_labels} labels where a cross-encoder that ranks has "
            "one; name such a model"
        )
    log.info("%s: a cross-encoder on %s, from %s", name, device, folder)
    return model

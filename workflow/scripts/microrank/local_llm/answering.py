"""The model of a session: loaded when the first answer is missing, and not before."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from microrank.local_llm.session import AUTO, Session
from microrank.services.adapters import CROSS_ENCODER
from microrank.services.store import Request

log = logging.getLogger(__name__)


def dtype_to_ask(session: Session) -> str:
    """The dtype to ask in: with `auto`, the one that this machine multiplies natively."""
    if len(session.dtypes) == 1:
        return session.dtypes[0]
    from microrank.local_llm.capability import choose_device, native_dtype

    return native_dtype(choose_device(session.section.get("device", AUTO)))


def answer(
    session: Session, dtype: str, requests: Sequence[Request], loaded: list[Any] | None = None
) -> None:
    """Load the model and answer the requests, into the session's store.

    Args:
        session: how the model is asked.
        dtype: of its weights.
        requests: what the store lacks.
        loaded: keeps the language model for the next call; it is loaded once.
    """
    import torch

    from microrank.local_llm.answers import answer_locally
    from microrank.local_llm.capability import choose_device
    from microrank.local_llm.cross_encoder import score_pairs

    torch.set_num_threads(session.threads)
    log.info("%s: %d answers are missing", session.name, len(requests))
    device = choose_device(session.section.get("device", AUTO))
    if session.section["adapter"] == CROSS_ENCODER:
        score_pairs(_folder(session), session.name, device, requests, session.store)
        return
    models = [] if loaded is None else loaded
    if not models:
        models.append(_loaded(session, device, dtype))
    answer_locally(models[0], requests, session.store)


def _folder(session: Session) -> Path:
    """Where the weights are, if need be after a download."""
    from microrank.local_llm.hub import downloaded

    model = session.section["model"]
    if session.folder is not None or Path(model).is_dir():
        return session.folder or Path(model)
    return downloaded(session.name, model, session.section["revision"])


def _loaded(session: Session, device: str, dtype: str) -> Any:
    from microrank.local_llm.gguf_files import load_gguf
    from microrank.local_llm.model import LocalModel, load_model

    model = Path(session.section["model"])
    if session.folder is None and model.suffix == ".gguf":
        return LocalModel.of(session.name, *load_gguf(model), device=device, dtype=dtype)
    return load_model(_folder(session), session.name, device=device, dtype=dtype)

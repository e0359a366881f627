"""Models of the Hugging Face hub: one commit of them, and what it takes to have it."""

import logging
import os
import shutil
from pathlib import Path
from typing import Any

from microrank.errors import StudyError

FILES = ["*.safetensors", "*.json", "*.jinja", "*.model", "*.txt"]  # no format that can run code
log = logging.getLogger(__name__)


def downloaded(name: str, model: str, revision: str) -> Path:
    """The folder of a model's commit, downloaded once.

    Args:
        name: of the entry of `llms`, for messages.
        model: its name on the hub.
        revision: the commit.

    Raises:
        StudyError: the model is unknown, gated, too large for the disk, or out of reach.
    """
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HTTPError, LocalEntryNotFoundError

    options: dict[str, Any] = {"revision": revision, "allow_patterns": FILES}
    try:
        return Path(snapshot_download(model, local_files_only=True, **options))
    except LocalEntryNotFoundError:
        pass
    try:
        info = HfApi().model_info(model, revision=revision, files_metadata=True)
        _check_room(name, model, info)
        return Path(snapshot_download(model, **options))
    except HfHubHTTPError as error:
        raise StudyError(f"{name}: {_advice(model, revision, error)}") from error
    except (HTTPError, OSError, RuntimeError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise StudyError(
            f"{name}: {model} cannot be fetched from the hub ({reason}); connect once, or name a "
            "folder with the model"
        ) from error


def _check_room(name: str, model: str, info: Any) -> None:
    """Say how much is to be downloaded, before it is; refuse what the disk has no room for."""
    from huggingface_hub.constants import HF_HUB_CACHE

    wanted = tuple(pattern.removeprefix("*") for pattern in FILES)
    files = [file for file in info.siblings if file.rfilename.endswith(wanted)]
    if not any(file.rfilename.endswith(".safetensors") for file in files):
        raise StudyError(f"{name}: {model} has no safetensors on the hub; other formats run code")
    needed = sum(file.size or 0 for file in files)
    place = Path(HF_HUB_CACHE)
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    log.info("%s: %.2f GB of %s to download, %.0f GB free", name, needed / 1e9, model, free / 1e9)
    if needed > free:
        raise StudyError(
            f"{name}: {model} takes {needed / 1e9:.1f} GB and {place} has {free / 1e9:.1f} GB "
            "free; make room, or set HF_HOME to a larger disk"
        )


def _advice(model: str, revision: str, error: Any) -> str:
    status = error.response.status_code if error.response is not None else None
    if status in (401, 403):
        token = "HF_TOKEN" if not os.environ.get("HF_TOKEN") else "another HF_TOKEN"
        return (
            f"{model} is gated or private (status {status}); ask for access on its page on the "
            f"hub, and export {token}"
        )
    if status == 404:
        return f"the hub has no model {model} with commit {revision}; correct both"
    return f"the hub answers {status} for {model}; try again later, or name a folder"

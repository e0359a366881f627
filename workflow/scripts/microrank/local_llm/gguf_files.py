"""GGUF files as a folder of safetensors, which is read in seconds and again and again."""

import json
import logging
import re
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

from microrank.errors import StudyError
from microrank.files import file_checksum, write_text
from microrank.local_llm.weights import SOURCE_FILE

OLDEST_TRANSFORMERS = (5, 23)  # 5.17 splits the texts of Gemma's GGUF files wrongly, and is silent
log = logging.getLogger(__name__)


def unpack_gguf(gguf: Path, folder: Path) -> None:
    """Write a GGUF file's model as a folder that transformers loads: float32 and its tokenizer.

    Args:
        gguf: the file; quantised weights are multiplied out.
        folder: made whole or not at all; what stands there is replaced.

    Raises:
        StudyError: the file is absent, no GGUF file, or of an architecture that transformers
            does not read.
    """
    model, tokenizer = load_gguf(gguf)
    temporary = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    _plain_copy(model).save_pretrained(temporary)
    tokenizer.save_pretrained(temporary)
    for path in temporary.iterdir():
        path.chmod(0o644)  # safetensors keeps its files from all others
    write_text(temporary / SOURCE_FILE, json.dumps({"checksum": file_checksum(gguf)}) + "\n")
    shutil.rmtree(folder, ignore_errors=True)
    temporary.rename(folder)
    log.info("%s: unpacked to %s", gguf, folder)


def load_gguf(gguf: Path) -> tuple[Any, Any]:
    """The model, in float32, and the tokenizer of a GGUF file.

    Raises:
        StudyError: as `unpack_gguf`, or transformers is too old.
    """
    _check_transformers()
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    check_gguf(gguf)
    place, name = str(gguf.parent), gguf.name
    try:
        tokenizer = AutoTokenizer.from_pretrained(place, gguf_file=name)
        model = AutoModelForCausalLM.from_pretrained(place, gguf_file=name, dtype=torch.float32)
    except (ValueError, OSError, KeyError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise StudyError(
            f"{gguf}: transformers cannot read this GGUF file ({reason}); name a folder with "
            "safetensors instead, or serve the file by llama.cpp and use adapter openai-chat"
        ) from error
    mend_tokenizer(tokenizer, _pre_tokenizer_name(gguf))
    return model, tokenizer


def _check_transformers() -> None:
    """Refuse versions that are known to read a tokenizer wrongly: their answers would be wrong."""
    installed = version("transformers")
    if tuple(map(int, re.findall(r"\d+", installed)[:2])) < OLDEST_TRANSFORMERS:
        wanted = ".".join(map(str, OLDEST_TRANSFORMERS))
        raise StudyError(
            f"transformers {installed} reads the tokenizers of some GGUF files wrongly; install "
            f"version {wanted} or newer, as envs/local-llm.yaml does"
        )


def check_gguf(gguf: Path) -> None:
    """Raise StudyError where the file is absent or does not begin as GGUF files do."""
    try:
        with open(gguf, "rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise StudyError(
            f"{gguf}: cannot be read ({error.strerror}); correct `model` in the config's llms"
        ) from error
    if magic != b"GGUF":
        raise StudyError(f"{gguf}: not a GGUF file; it begins with {magic!r}")


def mend_tokenizer(tokenizer: Any, name: str) -> None:
    """Split texts as the model's makers did, where transformers 5 forgets how.

    SmolLM's tokenizer cuts out every digit before it splits into words; read from GGUF it lacks
    this step, and "a  12" (two spaces) comes out in other tokens than llama.cpp's.

    Args:
        tokenizer: of transformers; changed in place.
        name: the file's `tokenizer.ggml.pre`.
    """
    from tokenizers import pre_tokenizers

    if name == "smollm":
        tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Digits(individual_digits=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
            ]
        )


def _pre_tokenizer_name(gguf: Path) -> str:
    """The file's `tokenizer.ggml.pre`, or nothing."""
    key = b"tokenizer.ggml.pre"
    with open(gguf, "rb") as file:
        head = file.read(1 << 26)
    at = head.find(len(key).to_bytes(8, "little") + key)
    if at < 0:
        return ""
    start = at + 8 + len(key) + 4  # after the value's type, a string
    length = int.from_bytes(head[start : start + 8], "little")
    return head[start + 8 : start + 8 + length].decode("utf-8", "replace")


def _plain_copy(model: Any) -> Any:
    """The same model without its memory of GGUF: transformers refuses to save what it read."""
    from transformers import AutoModelForCausalLM

    config = model.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    copy = AutoModelForCausalLM.from_config(config, dtype=model.dtype)
    copy.load_state_dict(model.state_dict())
    return copy

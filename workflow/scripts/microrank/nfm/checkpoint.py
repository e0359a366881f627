"""Models as safetensors files, which cannot run code; the settings stand in the header."""

import errno
import json
import os
import re
from dataclasses import asdict
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from microrank.errors import StudyError
from microrank.files import replacing, unreadable
from microrank.nfm.model import NFM
from microrank.nfm.settings import Recipe


def save_model(path: str | os.PathLike[str], model: NFM, recipe: Recipe) -> None:
    """Write parameters, running statistics and the recipe: whole or not at all.

    The same model gives the same bytes.

    Raises:
        StudyError: the disk is full, or does not let itself be written.
    """
    tensors = {
        name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()
    }
    save_tensors(path, tensors, {"recipe": json.dumps(asdict(recipe), sort_keys=True)})


def save_tensors(
    path: str | os.PathLike[str], tensors: dict[str, torch.Tensor], header: dict[str, str]
) -> None:
    """Write a safetensors file: whole or not at all.

    Raises:
        StudyError: the disk is full, or does not let itself be written.
    """
    with replacing(path) as temporary:
        try:
            save_file(tensors, temporary, metadata=header)
        except SafetensorError as error:
            number = re.search(r"os error (\d+)", str(error))
            raise OSError(int(number[1]) if number else errno.EIO, str(error)) from error


def tensors_of(file: Any) -> dict[str, torch.Tensor]:
    """All tensors of an open safetensors file, which is no mapping."""
    return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def load_model(path: str | os.PathLike[str], device: str = "cpu") -> tuple[NFM, Recipe]:
    """The model in evaluation mode, on `device`, and the recipe that it was trained by.

    Raises:
        StudyError: the file is absent, cut off or altered, or is not a checkpoint of this program.
    """
    try:
        open(path, "rb").close()  # safetensors would call absent whatever it may not read
        with safe_open(path, framework="pt") as file:
            tensors = tensors_of(file)
            recipe = Recipe.from_config(json.loads((file.metadata() or {})["recipe"]))
        model = NFM(
            len(tensors["items.weight"]) - 1, recipe.dimension, recipe.hidden, recipe.relu_on_score
        )
        model.load_state_dict(tensors)
    except FileNotFoundError:
        raise StudyError(f"{path}: no such file; run the rule train_nfm") from None
    except OSError as error:
        raise unreadable(path, error) from error
    except (SafetensorError, StudyError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise StudyError(
            f"{path}: not a complete checkpoint ({reason}); delete the file and run again"
        ) from error
    return model.eval().to(torch.device(device)), recipe

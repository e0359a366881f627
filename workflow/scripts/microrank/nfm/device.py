"""Where the arithmetic is done."""

import torch

from microrank.errors import StudyError


def choose_device(wanted: str, threads: int) -> str:
    """`cpu` or `cuda` for the setting auto | cpu | cuda.

    Also pins the number of threads, on which the last bits of a sum depend.

    Raises:
        StudyError: cuda is asked for and not there.
    """
    torch.set_num_threads(threads)
    if wanted == "cuda" and not torch.cuda.is_available():
        raise StudyError(
            "config: nfm.device is cuda, but torch finds no GPU here; set it to auto or cpu"
        )
    return "cuda" if wanted == "cuda" or (wanted == "auto" and torch.cuda.is_available()) else "cpu"

"""What this machine multiplies natively, and what a loaded model can be asked."""

import torch

from microrank.errors import StudyError

TORCH_DTYPES = {
    "float64": torch.float64,
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


def choose_device(wanted: str) -> str:
    """`cpu` or `cuda` for the setting auto | cpu | cuda.

    Raises:
        StudyError: cuda is asked for and not there.
    """
    there = torch.cuda.is_available()
    if wanted == "cuda" and not there:
        raise StudyError(
            "config: llms: device is cuda, but torch finds no GPU here; set it to auto or cpu"
        )
    return "cuda" if there and wanted != "cpu" else "cpu"


def native_dtype(device: str) -> str:
    """bfloat16 where the processor multiplies it natively, else float32.

    Without such instructions bfloat16 is converted number by number, several times slower.
    """
    if device == "cuda":
        return "bfloat16" if torch.cuda.get_device_capability()[0] >= 8 else "float32"
    asks = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    native = any(getattr(torch.cpu, name, lambda: False)() for name in asks)
    return "bfloat16" if native else "float32"

"""The library `implicit`, which two recommenders need and nothing else does."""

import importlib
import warnings
from types import ModuleType

from microrank.errors import StudyError


def load(module: str, recommender: str) -> ModuleType:
    """Import a module of the library.

    Args:
        module: Its name below `implicit`.
        recommender: Who needs it, for the message.

    Raises:
        StudyError: The library is not installed.
    """
    warnings.filterwarnings("ignore", message=".*OpenBLAS.*")  # `search.threads` decides here
    try:
        return importlib.import_module(f"implicit.{module}")
    except ImportError as error:
        raise StudyError(
            f"recommenders: {recommender} needs the package implicit ({error}); run "
            "`pip install --constraint requirements.txt implicit`, use --use-conda, or leave it "
            "out of `recommenders`"
        ) from None

"""The settings of a training recipe."""

from dataclasses import dataclass
from typing import Any

from microrank.errors import StudyError


@dataclass(frozen=True)
class Recipe:
    """One entry of `nfm.recipes`; config/README.md says what each key means."""

    dimension: int
    hidden: int
    relu_on_score: bool
    batch_size: int
    batch_candidates: str
    extra_candidates: int
    learning_rate: float
    weight_decay: float
    linear_decay: bool
    input_dropout: float
    weights_average: float
    chunk_length: int
    history_length: int
    max_half_epochs: int
    patience: int
    valid_users: int
    refit: bool

    @classmethod
    def from_config(cls, section: dict[str, Any]) -> "Recipe":
        """A recipe from its section of the config.

        Raises:
            StudyError: a key is missing or unknown.
        """
        try:
            return cls(**section)
        except TypeError as error:
            raise StudyError(f"config: nfm.recipes: {error}; see config/README.md") from None

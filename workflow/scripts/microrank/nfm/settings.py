"""The settings of a training recipe."""

from dataclasses import dataclass, replace
from typing import Any

from microrank.errors import StudyError
from microrank.nfm.model import NFM


@dataclass(frozen=True)
class Recipe:
    """One entry of `nfm.recipes`; config/README.md says what each key means.

    Recipes and checkpoints from before the last five settings are as their defaults.
    """

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
    recency_decay: float = 0.0
    past_only: bool = False
    field_matrix: bool = False
    refit_passes: int = 3
    refit_rate: float = 0.2

    @property
    def past_inputs(self) -> int | None:
        """How many items before a target are its input; None: all others of its chunk."""
        return self.history_length if self.past_only else None

    @property
    def whole_chunks(self) -> bool:
        """Whether all items of a batch's chunks are its candidates, or its targets."""
        return self.batch_candidates == "chunk_items"

    @property
    def of_refit(self) -> "Recipe":
        """The recipe of a refit: a pass is two half epochs."""
        return replace(
            self,
            learning_rate=self.learning_rate * self.refit_rate,
            max_half_epochs=2 * self.refit_passes,
        )

    def new_model(self, n_items: int) -> NFM:
        """A model of these settings, its weights not drawn yet."""
        return NFM(
            n_items,
            self.dimension,
            self.hidden,
            self.relu_on_score,
            recency_decay=self.recency_decay,
            field_matrix=self.field_matrix,
        )

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

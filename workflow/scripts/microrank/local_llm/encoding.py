"""What the ways of asking need of a model: its tokens."""

from collections.abc import Mapping, Sequence
from typing import Protocol


class TextEncoder(Protocol):
    """Gives the tokens of texts."""

    name: str  # for messages

    @property
    def start(self) -> list[int]:
        """What the model wants before any text."""

    def encode(self, text: str) -> list[int]:
        """Tokens of a text, none of them a special one."""

    def encode_chat(self, messages: Sequence[Mapping[str, str]]) -> list[int]:
        """Tokens of a chat up to where the model's answer begins."""

"""A language model's folder, loaded: weights, tokenizer, and what they can do."""

import inspect
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch

from microrank.errors import StudyError
from microrank.local_llm.capability import TORCH_DTYPES

log = logging.getLogger(__name__)


@dataclass
class LocalModel:
    """A causal language model in this process.

    Attributes:
        name: for messages.
        model: of transformers, in evaluation mode.
        tokenizer: of transformers.
        device: cpu | cuda.
        dtype: the name of the weights' dtype.
        shares_prefixes: whether it reads several endings of a prefix at once; None: not tried.
    """

    name: str
    model: Any
    tokenizer: Any
    device: str
    dtype: str
    shares_prefixes: bool | None = None

    @classmethod
    def of(cls, name: str, model: Any, tokenizer: Any, *, device: str, dtype: str) -> Self:
        """A model that is loaded already, moved to the device and converted to the dtype."""
        moved = model.eval().to(device, TORCH_DTYPES[dtype])
        return cls(name, moved, tokenizer, device, dtype)

    def __post_init__(self) -> None:
        parameters = inspect.signature(self.model.forward).parameters
        self._keeps_places = "logits_to_keep" in parameters
        self._takes_positions = "position_ids" in parameters

    @property
    def n_tokens(self) -> int:
        """Tokens that it knows."""
        return int(self.model.get_input_embeddings().num_embeddings)

    @property
    def context_length(self) -> int | None:
        """Tokens that it reads at most; None where it does not say."""
        return getattr(self.model.config, "max_position_embeddings", None)

    @property
    def sliding_window(self) -> int | None:
        """Tokens that some of its layers see at most; None where all see everything."""
        config = self.model.config
        uses = getattr(config, "use_sliding_window", True)
        return getattr(config, "sliding_window", None) if uses else None

    def logits(self, inputs: Mapping[str, torch.Tensor], places: torch.Tensor) -> torch.Tensor:
        """[n_rows, n_places, n_vocabulary] after the tokens at `places`, for each row."""
        given = dict(inputs)
        if not self._takes_positions:
            if "attention_mask" in given:
                raise TypeError("this model takes no positions")
            del given["position_ids"]
        if self._keeps_places:
            return self.model(**given, use_cache=False, logits_to_keep=places).logits
        return self.model(**given, use_cache=False).logits[:, places]

    @property
    def end_tokens(self) -> frozenset[int]:
        """Tokens with which the model ends an answer."""
        ends = self.model.generation_config.eos_token_id
        ends = self.model.config.eos_token_id if ends is None else ends
        listed = ends if isinstance(ends, list) else [ends]
        return frozenset([*listed, self.tokenizer.eos_token_id]) - {None}

    @property
    def pad_token(self) -> int:
        """What shorter prompts are filled up with; it is masked."""
        return self.tokenizer.pad_token_id or min(self.end_tokens, default=0)

    def greedy(self, max_tokens: int) -> Any:
        """How to generate: the likeliest token each time, whatever the model's files suggest."""
        from transformers import GenerationConfig

        return GenerationConfig(
            do_sample=False,
            max_new_tokens=max_tokens,
            eos_token_id=sorted(self.end_tokens) or None,
            pad_token_id=self.pad_token,
        )

    def encode(self, text: str) -> list[int]:
        """Tokens of a text that strangers wrote: none of them is a special one."""
        return list(self.tokenizer(self._defused(text), add_special_tokens=False).input_ids)

    @property
    def start(self) -> list[int]:
        """What the model wants before any text: its first token where its tokenizer adds one."""
        return [
            token for token in self.tokenizer("").input_ids if token == self.tokenizer.bos_token_id
        ]

    def encode_chat(self, messages: Sequence[Mapping[str, str]]) -> list[int]:
        """Tokens of a chat up to where the model's answer begins.

        Special tokens that stand in the messages are taken apart first, so that a title cannot
        end a message. A model without a chat template gets the texts and "Answer:".
        """
        plain = [
            {"role": message["role"], "content": self._defused(message["content"])}
            for message in messages
            if message["content"]
        ]
        if not self.tokenizer.chat_template:
            texts = [message["content"] for message in plain]
            return [*self.start, *self.encode("\n\n".join([*texts, "Answer:"]))]
        text = self.tokenizer.apply_chat_template(plain, tokenize=False, add_generation_prompt=True)
        return list(self.tokenizer(text, add_special_tokens=False).input_ids)

    def _defused(self, text: str) -> str:
        """The text with each special token in it taken apart by a space."""
        for token in self.tokenizer.all_special_tokens:
            text = text.replace(token, f"{token[:1]} {token[1:]}")
        return text


def load_model(folder: Path, name: str, *, device: str, dtype: str) -> LocalModel:
    """Load a folder with safetensors. No code in it is run.

    Raises:
        StudyError: the folder is absent, has no safetensors, or does not load.
    """
    if not any(folder.glob("*.safetensors")):
        raise StudyError(
            f"{name}: {folder} has no *.safetensors file; only such folders and GGUF files are "
            "read, since other formats can run code"
        )
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # all that is needed is in the folder
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    options = {"trust_remote_code": False, "local_files_only": True}
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, **options)
        model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=TORCH_DTYPES[dtype], use_safetensors=True, **options
        )
    except (OSError, ValueError, KeyError, ImportError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise StudyError(f"{name}: the model in {folder} cannot be loaded ({reason})") from error
    log.info("%s: %s on %s, from %s", name, dtype, device, folder)
    return LocalModel.of(name, model, tokenizer, device=device, dtype=dtype)

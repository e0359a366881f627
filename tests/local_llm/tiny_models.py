"""Language models of a few thousand weights, made on the spot."""

from collections.abc import Sequence

import torch
from microrank.local_llm.model import LocalModel
from tokenizers import Regex, Tokenizer, models, pre_tokenizers
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedTokenizerFast,
)

WORDS = [
    *("<unk>", "<end>", "\n", "-", "watched", "next", "Answer:", "Yes", "No"),
    *("cats", "dogs", "cars", "news", "songs", "goals", "pies", "tea", "trains", "boats", "ships"),
    *("A", "B", "C", "D", "E", "F", "G", "H"),
    *("one", "two", "three", "four", "five", "six", "seven", "eight"),
]
SIZES = {
    "vocab_size": len(WORDS),
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "initializer_range": 0.5,
    "eos_token_id": 1,
}
LIKED = ("cats", "dogs", "songs")
TEMPLATE = (
    "{% for message in messages %}{{ message['content'] }} <end> {% endfor %}"
    "{% if add_generation_prompt %}Answer:{% endif %}"
)


def word_tokenizer(words: Sequence[str] = WORDS) -> PreTrainedTokenizerFast:
    """A token for each word and line break."""
    backend = Tokenizer(
        models.WordLevel({word: number for number, word in enumerate(words)}, "<unk>")
    )
    backend.pre_tokenizer = pre_tokenizers.Split(Regex(r"\n|[^\s]+"), "removed", invert=True)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        unk_token="<unk>",
        eos_token="<end>",
        pad_token="<end>",
        chat_template=TEMPLATE,
    )


def local(model: torch.nn.Module, dtype: str = "float64") -> LocalModel:
    """The model with a tokenizer of words, on the processor."""
    model = model.to(getattr(torch, dtype)).eval()
    model.generation_config.eos_token_id = 1
    return LocalModel("llms.tiny", model, word_tokenizer(), "cpu", dtype)


def random_llama(seed: int = 0) -> LlamaForCausalLM:
    torch.manual_seed(seed)
    return LlamaForCausalLM(LlamaConfig(**SIZES))


def random_gpt2() -> GPT2LMHeadModel:
    """With learnt positions, where Llama turns its vectors."""
    torch.manual_seed(1)
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=len(WORDS),
            n_positions=256,
            n_embd=32,
            n_layer=2,
            n_head=4,
            initializer_range=0.5,
            eos_token_id=1,
            bos_token_id=1,
        )
    )


def windowed_mistral(window: int) -> MistralForCausalLM:
    """Its layers see the last `window` tokens alone."""
    torch.manual_seed(2)
    return MistralForCausalLM(MistralConfig(**SIZES, sliding_window=window))


def counting_llama() -> LlamaForCausalLM:
    """A model whose answers are known: what it has read more often is the likelier next word.

    Its one layer attends to all tokens equally and adds their mean, a count of words, to the
    present one. "Yes" is likelier the more of the words LIKED were read.
    """
    n = len(WORDS)
    config = LlamaConfig(
        vocab_size=n,
        hidden_size=n,
        head_dim=n,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        num_key_value_heads=1,
        max_position_embeddings=1024,
        tie_word_embeddings=False,
        eos_token_id=1,
    )
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        for name, parameter in model.named_parameters():
            if name.endswith("norm.weight"):
                parameter.fill_(1.0)
        model.model.embed_tokens.weight.copy_(torch.eye(n) * 0.01)
        attention = model.model.layers[0].self_attn
        attention.v_proj.weight.copy_(torch.eye(n))
        attention.o_proj.weight.copy_(torch.eye(n))
        model.lm_head.weight.copy_(torch.eye(n))
        for word in LIKED:
            model.lm_head.weight[WORDS.index("Yes"), WORDS.index(word)] = 1.0
    return model

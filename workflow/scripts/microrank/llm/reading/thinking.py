"""The answer proper: what a model says after its thinking, in every form that servers let through.

Sources of the marks: the chat templates and model cards of DeepSeek-R1 (<think>), gpt-oss (the
channels of the "harmony" format), Mistral's Magistral ([THINK]), Kimi (◁think▷), Seed-OSS
(<seed:think>), Cohere's Command A Reasoning (<|START_THINKING|>), Sky-T1
(<|begin_of_thought|>).
"""

import re

_NAMES = (
    r"(?:seed:|ns:)?(?:think(?:ing)?|thoughts?|thought[_ ]process|reason(?:ing)?|reflect(?:ion)?|"
    r"analysis|scratch_?pad|inner_monologue|internal_?thoughts?)"
)
_OPEN, _CLOSE = r"(?:<\|?|\[|◁|\{)", r"(?:\|?>|\]|▷|\})"
_SPECIAL = r"<\|(?:{0})_?of_(?:thought|thinking|reasoning)\|>|<\|{1}_THINKING\|>"
_OPENING = re.compile(
    rf"{_OPEN}\s*{_NAMES}\s*{_CLOSE}|{_SPECIAL.format('begin', 'START')}", re.IGNORECASE
)
_CLOSING = re.compile(
    rf"{_OPEN}\s*/\s*{_NAMES}\s*{_CLOSE}|{_SPECIAL.format('end', 'END')}", re.IGNORECASE
)
_CHANNEL = re.compile(r"<\|channel\|>\s*(\w+)[^<]*(?:<\|message\|>)?")
_UNMARKED_FINAL = re.compile(r"assistant\s?final(?![a-z])")
_UNMARKED_ANALYSIS = re.compile(r"\s*(?:assistant)?analysis(?=[A-Z])")
_END_OF_TURN = re.compile(
    r"<\|(?:im_end|eot_id|end_of_text|endoftext|return|eom_id|end|end_of_turn)\|>"
    r"|<end_of_turn>|</s>|<\|END_RESPONSE\|>|<｜end▁of▁sentence｜>"
)
_SPECIAL_TOKEN = re.compile(r"<[|｜][\w▁ ]{1,40}[|｜]>")
_CONTAINER = re.compile(
    r"<(answer|output|response|final|final_answer|solution|result|ranking)>\s*(.*?)\s*(?:</\1>|\Z)"
    r"|<\|begin_of_solution\|>(.*?)(?:<\|end_of_solution\|>|\Z)"
    r"|◁answer▷(.*?)(?:◁/answer▷|\Z)"
    r"|\\boxed\{([^{}]*)\}",
    re.IGNORECASE | re.DOTALL,
)


def is_thinking_mark(text: str) -> bool:
    """Whether the whole text is a mark that opens or closes thinking."""
    text = text.strip()
    return bool(_OPENING.fullmatch(text) or _CLOSING.fullmatch(text))


def answers_proper(text: str) -> tuple[list[str], bool]:
    """What may be the answer, without thinking.

    Args:
        text: All that the model wrote.

    Returns:
        Texts in which to look for the answer, the likeliest first: what follows the last thinking,
        then what stands outside thinking. And whether there was any thinking.
    """
    channels = list(_CHANNEL.finditer(text))
    if channels:
        return [_ended(_last_channel(text, channels))], True
    if unmarked := list(_UNMARKED_FINAL.finditer(text)):
        return [_ended(text[unmarked[-1].end() :])], True
    if _UNMARKED_ANALYSIS.match(text):
        return [], True
    outside, had_thinking = _outside_thinking(text)
    return [_contained(_ended(part)) for part in outside if part.strip()], had_thinking


def _last_channel(text: str, channels: list["re.Match[str]"]) -> str:
    """The content of the last final channel; nothing where there is none."""
    final = [place for place, channel in enumerate(channels) if channel[1].lower() == "final"]
    if not final:
        return ""
    following = channels[final[-1] + 1 :]
    end = following[0].start() if following else len(text)
    return text[channels[final[-1]].end() : end].removeprefix("<|message|>")


def _outside_thinking(text: str) -> tuple[list[str], bool]:
    closings = list(_CLOSING.finditer(text))
    tail = text[closings[-1].end() :] if closings else text
    opening = _OPENING.search(tail)
    if opening:
        tail = tail[: opening.start()]
    if not closings:
        return [tail], opening is not None
    return [tail, _between_blocks(text[: closings[-1].end()])], True


def _between_blocks(text: str) -> str:
    """What stands before and between thinking blocks; nothing before a block without opening."""
    parts: list[str] = []
    start = 0
    for closing in _CLOSING.finditer(text):
        opening = _OPENING.search(text, start, closing.start())
        if opening is None:
            parts = []
        else:
            parts.append(text[start : opening.start()])
        start = closing.end()
    return "\n".join(parts)


def _ended(text: str) -> str:
    """The model's own turn: a server that does not stop it lets it invent the next one."""
    for part in _END_OF_TURN.split(text):
        if _SPECIAL_TOKEN.sub("", part).strip():
            return _SPECIAL_TOKEN.sub("", part)
    return ""


def _contained(text: str) -> str:
    """What the last container of an answer holds; all of the text where there is none."""
    containers = [found for found in _CONTAINER.finditer(text) if any(found.groups()[1:])]
    if not containers:
        return text
    return next(part for part in reversed(containers[-1].groups()[1:]) if part)

"""How a chat answer ended, as its `finish_reason` says."""

from enum import Enum, auto


class Ending(Enum):
    """What a `finish_reason` means for an answer."""

    WHOLE = auto()
    TOOL_CALL = auto()  # whole, if the call's arguments are the answer
    CUT = auto()  # at the limit of tokens
    FILTERED = auto()  # withheld by the service
    REFUSED = auto()  # by the model
    BROKEN = auto()  # the server gave up
    UNKNOWN = auto()  # nothing says that the answer is whole


_REASONS = {
    Ending.WHOLE: ("stop", "eos", "eos_token", "stop_sequence", "end_turn", "complete"),
    Ending.TOOL_CALL: ("tool_calls", "tool_call", "tool_use", "function_call"),
    Ending.CUT: ("length", "max_tokens", "max_output_tokens", "model_length"),
    Ending.FILTERED: ("content_filter", "safety", "recitation", "blocklist", "prohibited_content"),
    Ending.REFUSED: ("refusal",),
    Ending.BROKEN: (
        "error",
        "abort",
        "aborted",
        "cancelled",
        "canceled",
        "timeout",
        "insufficient_system_resource",
    ),
}
_ENDINGS = {reason: ending for ending, reasons in _REASONS.items() for reason in reasons}


def ending_of(finish_reason: str | None) -> Ending:
    """The ending that a `finish_reason` stands for, in upper or lower case."""
    return _ENDINGS.get((finish_reason or "").strip().lower(), Ending.UNKNOWN)

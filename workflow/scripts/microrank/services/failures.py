"""What can go wrong when a service is asked, and what a user can do about it."""

from pathlib import Path

from microrank.errors import StudyError

# What a server says while it is busy, starting or broken: the same question may be answered later.
PASSING = frozenset({408, 424, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529})
# Those of them that concern the whole endpoint: every thread waits.
PUSHBACK = frozenset({429, 503, 529})

_ADVICE = {
    400: "the service rejects the request: check `model` and the sampling parameters, "
    "some are not supported by every provider (`null` leaves one out)",
    401: "the token is not accepted: check the variable {token_env}",
    402: "credits are used up: top up the account",
    403: "the token is not allowed to do this: on Hugging Face it needs the permission "
    "'Make calls to Inference Providers'",
    404: "nothing is served there: check `base_url` and `model` "
    "(is the model served by this provider?)",
    405: "nothing is served there: check `base_url`",
    413: "the request is too large for this service: "
    "shorten the history or send fewer texts at once",
    422: "the service cannot process the request: check the sampling parameters and `extra`",
}
_ADVICE_ON_REDIRECTS = (
    "redirects are not followed, so that the token stays with its host: "
    "set `base_url` to the address that answers"
)
ADVICE_ON_LENGTH = (
    "the question is too long for the server: give it a longer context "
    "(vLLM --max-model-len, llama-server -c, Ollama OLLAMA_CONTEXT_LENGTH), "
    "or lower `subset.history_length`, `top_k` or `max_tokens`"
)


class QuestionFailed(Exception):
    """This question has no answer; others may have one."""


class OtherForm(QuestionFailed):
    """The question has no answer in this form; another form of it may have one."""


class Refused(OtherForm):
    """The service will not serve the request as it is (400, 413, 422).

    Attributes:
        problem: the server's status and words.
        is_too_long: whether the server says that the question is too long for it.
    """

    def __init__(self, problem: str, what_to_do: str, *, is_too_long: bool = False) -> None:
        super().__init__(f"{problem}; {what_to_do}")
        self.problem, self.is_too_long = problem, is_too_long


class WhiteSpace(OtherForm):
    """JSON that a server guides ran into white space, and never ended."""


class Unserved(QuestionFailed):
    """Every try brought a reply that is no answer, such as a status 500 or broken JSON."""


class AskedElsewhere(Exception):
    """Another job is asking this question now.

    Its `lock` is free again when that job has an answer or gives up.
    """

    def __init__(self, lock: Path) -> None:
        super().__init__(str(lock))
        self.lock = lock


class AskingStopped(StudyError):
    """No further question is worth asking: the line says why and what to do."""


class Pending(StudyError):
    """Questions are in batches that are not done: the line says when to run again."""


class BudgetReached(AskingStopped):
    """The next question could cross a limit of `budget`."""


class Malformed(Exception):
    """A reply with status 200 that is no answer, such as broken JSON or HTML. It is asked again.

    Attributes:
        max_tries: how often at most, where it is less than the service's setting.
    """

    def __init__(self, message: str, max_tries: int | None = None) -> None:
        super().__init__(message)
        self.max_tries = max_tries


def advice(status: int, token_env: str | None) -> str:
    """What a user can do about a status that asking again will not cure."""
    if 300 <= status < 400:
        return _ADVICE_ON_REDIRECTS
    known = _ADVICE.get(status, "see the service's documentation")
    return known.format(token_env=token_env or "(no `token_env` is configured)")

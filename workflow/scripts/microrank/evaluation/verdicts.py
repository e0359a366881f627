"""The words of verdicts, and the tests that lead to them."""

BETTER, WORSE, UNCLEAR = "better", "worse", "cannot tell"
SLIGHTLY_BETTER, SLIGHTLY_WORSE = (
    "better by less than the margin",
    "worse by less than the margin",
)
NO_DIFFERENCE = "no difference worth the margin"
UNREADABLE, ECHO = "unreadable", "echoes the order shown"
VERDICTS = (
    BETTER,
    SLIGHTLY_BETTER,
    WORSE,
    SLIGHTLY_WORSE,
    NO_DIFFERENCE,
    UNCLEAR,
    UNREADABLE,
    ECHO,
)
ECHO_SHARE = 0.5  # above it, answers that repeat the order shown are no opinion
EQUIVALENCE_LEVEL = 0.05  # of the two one-sided tests


def verdict_of_tests(sign: int, *, is_within: bool) -> str:
    """Return the verdict of a method whose answers could be read.

    Args:
        sign: 1 or -1 where the method is shown to be better or worse; 0 where neither is shown.
        is_within: Whether the difference is shown to be smaller than the margin.
    """
    if sign > 0:
        return SLIGHTLY_BETTER if is_within else BETTER
    if sign < 0:
        return SLIGHTLY_WORSE if is_within else WORSE
    return NO_DIFFERENCE if is_within else UNCLEAR


def problem_of_shares(unread: float, order_shown: float, unread_share: float) -> str | None:
    """Say why answers tell nothing of their model: unreadable, an echo, or None.

    Args:
        unread: Share of the answers that name no candidate.
        order_shown: Share of the answers that repeat the order shown.
        unread_share: Above this share of unread answers, a row is unreadable.
    """
    if unread > unread_share:
        return UNREADABLE
    return ECHO if order_shown > ECHO_SHARE else None

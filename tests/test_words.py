"""Settings and counts as text."""

from microrank.words import in_words


def test_settings_are_a_line_of_names_and_values_without_brackets() -> None:
    settings = {"refit": True, "dimension": 64, "rate": 0.003, "share": 1 / 3, "counts": {"a": 1}}
    assert in_words(settings) == "refit true, dimension 64, rate 0.003, share 0.3333"
    assert in_words({}) == ""

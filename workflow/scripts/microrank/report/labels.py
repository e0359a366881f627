"""What methods are called in figures and tables."""

from collections.abc import Mapping


def kind_of(method: str, kinds: Mapping[str, str]) -> str:
    """`recommender`, `encoder`, `llm`, `fusion` or `reference`."""
    return kinds.get(method, "recommender" if method == "nfm" else "reference").removeprefix(
        "simulated "
    )


def label_of(method: str, kinds: Mapping[str, str]) -> str:
    """A method's name in figures and tables: what is simulated says so."""
    simulated = kinds.get(method, "").startswith("simulated")
    return {"nfm": "NFM"}.get(method, method) + (
        " (simulated)" if simulated and "simulated" not in method else ""
    )

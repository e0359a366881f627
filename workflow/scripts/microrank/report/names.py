"""What methods are called in figures and tables."""

from collections.abc import Mapping


def kind_of(method: str, kinds: Mapping[str, str]) -> str:
    """`nfm`, `encoder`, `llm`, `fusion` or `reference`."""
    return "nfm" if method == "nfm" else kinds.get(method, "reference").removeprefix("simulated ")


def label_of(method: str, kinds: Mapping[str, str]) -> str:
    """A method's name in figures and tables: what is simulated says so."""
    simulated = kinds.get(method, "").startswith("simulated")
    return {"nfm": "NFM"}.get(method, method) + (" (simulated)" if simulated and "simulated" not in method else "")

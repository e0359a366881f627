"""Planned looks: more and more users are asked about until the verdict is settled."""

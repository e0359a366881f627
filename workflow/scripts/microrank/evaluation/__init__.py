"""Metrics of rankings, one per file, and the statistics that say what they can and cannot tell."""

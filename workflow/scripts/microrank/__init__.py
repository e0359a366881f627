"""microrank: does a language model improve the list that a trained recommender makes?

The package holds the study itself: data, NFM, services, re-rankers, statistics, report. The scripts beside it read files, call one function
of this package each, and write files; nothing in here knows of Snakemake, except `jobs`, which prepares a script's logging.
"""

__version__ = "0.1.0"

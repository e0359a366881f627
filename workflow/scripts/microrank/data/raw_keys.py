"""The keys of an entry of `datasets` that say how its raw files are read, cleaned and split."""

RAW_KEYS = (
    "preset",
    "format",
    "titles_format",
    "columns",
    "titles_columns",
    "attributes",
    "time_unit",
    "bad_rows",
    "min_rating",
    "repeats",
    "k_core",
    "min_interactions",
    "missing_titles",
    "split",
    "split_dates",
)

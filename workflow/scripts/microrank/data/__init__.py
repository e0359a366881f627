"""Raw interactions and titles: made up or fetched, read, checked and split."""

"""Raw interactions and titles: fetched or made up, read with every trap of the real files, and split leave-one-out."""

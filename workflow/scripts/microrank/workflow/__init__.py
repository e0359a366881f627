"""What ties the package to Snakemake: the checked config, a job's start, its sources' digest."""

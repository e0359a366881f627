"""What ties the package to Snakemake: the checked config, the start of a job, the digest of its sources."""

"""microrank: does a language model improve the list that a trained recommender makes?

The package holds the study itself: data, NFM, services, re-rankers, statistics, report.
The scripts beside it read files, call one function of this package each, and write files.
Nothing in here knows of Snakemake, except `workflow.jobs`, which prepares a script's logging.
"""

import os

# OpenMP reads these once, when torch loads it. So they are set here, before any module of this
# package can import torch. Threads that wait for each other spin for about half a millisecond and
# then sleep. Where jobs share processors, longer spinning made a training step ten times slower;
# without any spinning two threads took as long as one.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "5000")  # libgomp's own setting outranks that policy

__version__ = "0.1.0"

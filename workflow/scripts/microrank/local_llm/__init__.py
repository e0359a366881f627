"""Language models in this process: their weights, their log-probabilities and their answers."""

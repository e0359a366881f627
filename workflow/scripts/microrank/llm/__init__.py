"""Re-ranking by a chat model: prompts, questions, the parser of answers, and the simulated server of the sample."""

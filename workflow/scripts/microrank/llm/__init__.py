"""Re-ranking by a chat model: prompts, questions, the parser of answers, the simulated server."""

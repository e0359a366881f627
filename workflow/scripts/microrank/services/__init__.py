"""Asking services over HTTP: a client with rate limits and a budget, and a store of its answers."""

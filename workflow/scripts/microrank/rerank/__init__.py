"""Methods that put a user's candidates into a new order. One method, one file."""

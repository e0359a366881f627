"""The recommenders beside NFM: each is a module with a function `fit`, chosen on valid."""

"""What a language model knows of a data set's titles by heart."""

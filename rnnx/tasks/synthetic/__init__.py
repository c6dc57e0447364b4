"""Tasks that are made up, without data from outside."""

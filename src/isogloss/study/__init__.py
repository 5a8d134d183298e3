"""Both papers in one run: a graph of steps over everything else, and what it adds up to."""

"""Mutants: small changes of the modules that decide, each of which a test must notice (``make mutants``)."""

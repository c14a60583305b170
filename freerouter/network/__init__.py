"""Everything that does I/O towards OpenRouter."""

"""All I/O with OpenRouter."""

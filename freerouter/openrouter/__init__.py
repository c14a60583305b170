"""What OpenRouter offers, and the formats of its API."""

"""What OpenRouter offers, and how it is spoken to."""

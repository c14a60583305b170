"""What came back from OpenRouter, and what it means."""

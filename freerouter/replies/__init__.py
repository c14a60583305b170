"""Replies from OpenRouter: how they are read, and what they mean for the request."""

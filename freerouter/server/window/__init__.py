"""The window: the page at ``/`` that shows what the server does, and what the page reads."""

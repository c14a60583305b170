"""The Python library: ``FreeRouter`` and what its calls take and return."""

"""Batches: a file of requests, answered within the free rate limits, and resumed after an interruption."""

from freerouter.batch.client import AsyncBatch, Batch, BatchOptions
from freerouter.batch.lines import Prompts, Requests
from freerouter.batch.plan import Ending
from freerouter.batch.tally import BatchSummary
from freerouter.errors import BatchError

__all__ = [
    "AsyncBatch",
    "Batch",
    "BatchError",
    "BatchOptions",
    "BatchSummary",
    "Ending",
    "Prompts",
    "Requests",
]

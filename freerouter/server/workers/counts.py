"""Counts: the metrics of all workers in one answer, as prometheus_client's multiprocess mode keeps them in files."""

from __future__ import annotations

import os
from typing import NamedTuple

from prometheus_client import CollectorRegistry, multiprocess, values

_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


class WorkerCounts(NamedTuple):
    """The folder with the files, two or three a worker. A worker goes on with those of the last one of its number.

    So what has been counted stays, and the files are no more than the workers that ever were at the same time.
    """

    folder: str

    def join(self, number: int) -> None:
        """Count in this folder. To be called before anything counts."""
        os.environ[_VARIABLE] = self.folder
        values.ValueClass = values.MultiProcessValue(lambda: number)  # type: ignore[no-untyped-call]

    def leave(self, number: int) -> None:
        """A worker has ended: its gauges are no longer true."""
        multiprocess.mark_process_dead(number, self.folder)  # type: ignore[no-untyped-call]


def of_all(own: CollectorRegistry) -> CollectorRegistry:
    """What is to be shown: the metrics of all workers, or of a process that has none."""
    if _VARIABLE not in os.environ:
        return own
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry

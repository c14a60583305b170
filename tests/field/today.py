"""Cases that do not come out right yet, by the fault that they show: entries only ever leave this table."""

# A case stands here with the ways in which it fails.
_FAULTS: dict[str, dict[str, str]] = {}

TODAY: dict[tuple[str, str], str] = {
    (name, way): why for why, cases in _FAULTS.items() for name, ways in cases.items() for way in ways.split()
}

"""Siblings that do not come out right yet, by what is wrong: entries only ever leave this table."""

# A case stands here with the dialects and places in which it fails.
_FAULTS: dict[str, dict[str, str]] = {}

TODAY: dict[tuple[str, ...], str] = {
    (name, *place.split("/")): why
    for why, cases in _FAULTS.items()
    for name, places in cases.items()
    for place in places.split()
}

"""Cases that do not come out right yet, by the fault that they show: entries only ever leave this table."""

# A case stands here with the ways in which it fails.
_FAULTS = {
    "a header that is not ASCII is a 500 (server/protocol, server/exchange)": {
        "header-latin1": "server",
    },
    "a slip in the base URL is refused as if it cost money (server/paths)": {
        "path-double-slash": "server",
        "path-slash-at-end": "server",
    },
}

TODAY: dict[tuple[str, str], str] = {
    (name, way): why for why, cases in _FAULTS.items() for name, ways in cases.items() for way in ways.split()
}

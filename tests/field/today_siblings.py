"""Siblings that do not come out right yet, by what is wrong: entries only ever leave this table."""

# A case stands here with the dialects and places in which it fails.
_FAULTS = {
    "the case in the field fails as well, or its words are read in chat alone": {
        "flat-words-kept": "chat/inside chat/event",
    },
    "a failed response: words, voice and the error_type at the top are not read (replies/reading, replies/outcome)": {
        "413-own": "responses/event",
        "context-in-raw": "responses/event",
        "context-llama-cpp": "responses/inside responses/event",
        "context-openai-words": "responses/inside responses/event",
        "context-prompt-too-long": "responses/inside responses/event",
        "guardrail-privacy-all": "responses/event",
        "really-own-401": "responses/event",
    },
}

TODAY: dict[tuple[str, ...], str] = {
    (name, *place.split("/")): why
    for why, cases in _FAULTS.items()
    for name, places in cases.items()
    for place in places.split()
}

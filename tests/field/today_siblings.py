"""Siblings that do not come out right yet, by what is wrong: entries only ever leave this table."""

# A case stands here with the dialects and places in which it fails.
_FAULTS = {
    "the case in the field fails as well, or its words are read in chat alone": {
        "conflict-409": "chat/inside chat/event responses/status messages/status",
        "context-in-raw": "chat/inside chat/event responses/status messages/status",
        "context-llama-cpp": "chat/inside chat/event responses/status messages/status",
        "context-prompt-too-long": "chat/inside chat/event responses/status messages/status",
        "family-blocked": "chat/inside chat/event responses/status messages/status",
        "flat-error": "responses/status messages/status",
        "flat-words-kept": "chat/inside chat/event",
        "guardrail-privacy-all": "chat/inside chat/event responses/status messages/status",
        "limit-rpm": "chat/inside chat/event responses/status messages/status",
        "limit-rpm-named-model": "chat/inside chat/event responses/status messages/status",
        "limit-rpm-server-default-wait": "chat/inside chat/event responses/status messages/status",
        "limit-rpm-then-plain": "chat/inside chat/event responses/status messages/status",
        "model-not-in-region": "chat/inside chat/event responses/status messages/status",
        "model-not-in-region-stream": "chat/inside chat/event responses/status messages/status",
        "provider-400-no-raw": "chat/inside chat/event responses/status messages/status",
        "provider-401": "chat/inside chat/event responses/status messages/status",
        "provider-402": "chat/inside chat/event responses/status messages/status",
        "provider-403-region": "chat/inside chat/event responses/status messages/status",
        "provider-405": "chat/inside chat/event responses/status messages/status",
        "provider-code": "chat/inside chat/event responses/status messages/status",
        "wait-in-words": "chat/inside chat/event responses/status messages/status",
    },
    "a failed response: words, voice and the error_type at the top are not read (replies/reading, replies/outcome)": {
        "413-own": "responses/inside responses/event",
        "context-in-raw": "responses/inside responses/event",
        "context-llama-cpp": "responses/inside responses/event",
        "context-openai-words": "responses/inside responses/event",
        "context-prompt-too-long": "responses/inside responses/event",
        "guardrail-privacy-all": "responses/inside responses/event",
        "really-own-401": "responses/inside responses/event",
        "wait-in-words": "responses/inside responses/event",
    },
    "a Messages error without a status: type, words and voice are not read (replies/reading, replies/outcome)": {
        "413-own": "messages/inside messages/event",
        "context-in-raw": "messages/inside messages/event",
        "context-llama-cpp": "messages/inside messages/event",
        "context-prompt-too-long": "messages/inside messages/event",
        "guardrail-privacy-all": "messages/inside messages/event",
        "provider-401": "messages/inside messages/event",
        "provider-402": "messages/inside messages/event",
        "really-own-401": "messages/inside messages/event",
        "wait-in-words": "messages/inside messages/event",
    },
}

TODAY: dict[tuple[str, ...], str] = {
    (name, *place.split("/")): why
    for why, cases in _FAULTS.items()
    for name, places in cases.items()
    for place in places.split()
}

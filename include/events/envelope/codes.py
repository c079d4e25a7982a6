"""Codes of rejections and warnings, each with the sentence that says what to do."""

from __future__ import annotations

from include.errors import InputError

LONGEST_STEP_CHARS = 128

CODES = {
    "not_object": "Send every event as a JSON object.",
    "missing_field": "Add the field.",
    "unknown_field": "Remove the field or put it into the attributes of the event.",
    "bad_type": "Send a value of the type that the table of fields names.",
    "bad_name": "Use a name with at least one letter or digit and at most 100 characters.",
    "bad_time": "Write times as 2025-03-03T10:01:00Z, with an offset, in the years 1970 to 2100.",
    "from_future": "Set the clock of the sender, or send sent_at so that its error can be taken out.",
    "too_old": "Send old events with a key that has the scope backfill.",
    "no_subject": "Say whose event it is: give at least one id of a person.",
    "unknown_event": "Register the event with the app, or set the app to lenient.",
    "unknown_attr": "Add the attribute to the event's schema, or set the app to lenient.",
    "attr_type_mismatch": "Send a value of the type in the event's schema; nothing is converted.",
    "missing_attr": "Send every required attribute of the event's schema.",
    "enum_value": "Use one of the allowed values, spelled exactly.",
    "attr_too_long": "Shorten the text, or raise max_length in the event's schema.",
    "out_of_range": "Send numbers between -2^63 and 2^63-1; send longer ids as text.",
    "too_many_props": "Send at most 200 attributes with an event.",
    "props_too_deep": "Nest attributes at most 5 levels deep.",
    "event_too_large": "Keep an event within 64 KiB, its attributes within 32 KiB and its context within 8 KiB.",
    "id_conflict": "The stored event stays; give another event another id.",
    "project_mismatch": "Leave project out, or name the project of your key.",
    "subject_forbidden": "Send only events of your own, or of your own courses.",
    "label_forbidden": "Leave labels out; only the simulator tells the truth about its events.",
    "bad_string": "Use 1 to 128 characters without control characters or halves of surrogate pairs.",
}

WARNINGS = {
    "naive_time": "a time had no offset and was taken as UTC",
    "derived_id": "the event had no id; one was made from its content, so a retry is recognised",
    "no_id": "the event had neither id nor time; a retry will be stored twice",
    "no_time": "the event had no time; the time of reception was taken",
    "skew_corrected": "the sender's clock was off by more than 5 seconds; event_time was corrected",
    "skew_out_of_range": "the sender's clock was off by more than a day; nothing was corrected",
    "attr_without_value": "an attribute was listed without a value and counts as absent",
    "unknown_attr": "an attribute is not in the event's schema; it was kept",
    "unknown_event": "the event is not registered; it was kept as it came",
}


def refusal(code: str, pointer: str, what: str) -> InputError:
    """Make the error that rejects one event.

    Args:
        code: a key of ``CODES``.
        pointer: JSON pointer from the event on.
        what: what is wrong, a sentence.

    Returns:
        The error, to be raised.

    >>> refusal("missing_field", "/id", "id is missing.").message
    'id is missing. Add the field.'
    """
    return InputError(f"{what} {CODES[code]}", code=code, pointer=pointer)


def step(key: str) -> str:
    """One step of a JSON pointer.

    Args:
        key: a key as sent.

    Returns:
        The step, escaped; empty, which points at the object around, for keys that no pointer should carry.

    >>> step("a/b"), step("x" * 1000)
    ('/a~1b', '')
    """
    if len(key) > LONGEST_STEP_CHARS or not key.isprintable():
        return ""
    return "/" + key.replace("~", "~0").replace("/", "~1")


def shown(value: object) -> str:
    """A value as text for a message, short and printable.

    Args:
        value: anything sent.

    Returns:
        At most about 60 characters, ASCII.

    >>> shown("a" * 100)
    "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...'"
    """
    if isinstance(value, int) and value.bit_length() > 128:
        return "a number of many digits"
    text = ascii(value[:64] if isinstance(value, str) else value)
    return text if len(text) <= 61 else f"{text[:57]}...{text[-1]}"

"""Request bodies of intake for the OpenAPI document; the rules themselves are in include/events/envelope."""

from __future__ import annotations

from typing import Any

from include.api.gate.policies import JSON_TYPE

MOST_EVENTS = 5_000
TEXT, OBJECT = {"type": "string"}, {"type": "object"}
TIME = {"type": "string", "description": "RFC 3339; without an offset it is taken as UTC."}
ID = {"anyOf": [{"type": "string", "maxLength": 128}, {"type": "integer"}]}

LEARNING_EVENT: dict[str, Any] = {
    "type": "object",
    "title": "LearningEvent",
    "required": ["user_id", "event_type", "timestamp"],
    "properties": {
        "id": {"type": "string", "maxLength": 128, "description": "Makes a retry safe."},
        "user_id": ID,
        "course_id": ID,
        "module_id": ID,
        "event_type": TEXT,
        "timestamp": TIME,
        "payload": OBJECT,
    },
}
ENVELOPE: dict[str, Any] = {
    "type": "object",
    "title": "Envelope",
    "required": ["event_name", "occurred_at", "subject"],
    "properties": {
        "event_id": {"type": "string", "maxLength": 128, "description": "Makes a retry safe."},
        "schema_version": {"type": "integer", "enum": [1]},
        "project": {"type": "string", "description": "Must be the project the events go to."},
        "source": {"type": "string", "enum": ["web", "mobile", "server", "metrika", "lms", "kafka", "simulator"]},
        "event_name": TEXT,
        "occurred_at": TIME,
        "sent_at": TIME,
        "subject": {
            "type": "object",
            "minProperties": 1,
            "properties": dict.fromkeys(
                ("user_id", "user_code", "customer_id", "client_id", "device_id", "anonymous_id"), ID
            ),
        },
        "session_id": {"type": "string", "maxLength": 128},
        "scope": {
            "type": "object",
            "properties": {
                "type": {"type": "string", "enum": ["course", "order", "product", "page", "segment"]},
                "id": ID,
                "module_id": ID,
            },
        },
        "props": OBJECT,
        "context": OBJECT,
        "labels": OBJECT,
    },
}
DEVICE_MESSAGE: dict[str, Any] = {
    "type": "object",
    "title": "DeviceMessage",
    "required": ["user_code", "event_name"],
    "properties": {
        "user_code": ID,
        "event_name": TEXT,
        "attrs": {
            "description": "Values by name, or a list of name, type and value.",
            "anyOf": [
                OBJECT,
                {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["name"],
                        "properties": {"name": TEXT, "type": TEXT, "value": {}},
                    },
                },
            ],
        },
        "event_id": TEXT,
        "occurred_at": TIME,
        "sent_at": TIME,
        "session_id": TEXT,
        "context": OBJECT,
    },
}
ACTIVITY: dict[str, Any] = {
    "type": "object",
    "title": "Activity",
    "required": ["action_type"],
    "properties": {
        "id": TEXT,
        "action_type": TEXT,
        "customer_id": ID,
        "session_id": TEXT,
        "timestamp": TIME,
        "details": OBJECT,
        "ip_address": TEXT,
        "user_agent": TEXT,
    },
}
LEARNING_EXAMPLE = {
    "events": [
        {
            "id": "0c9d7a44-5b0e-4a1c-9d6f-3f2b8a6f0e11",
            "user_id": "7b1f2f0e-3c1d-4c55-8f5b-1c7d5a0b9e22",
            "course_id": "c-101",
            "module_id": "m-1",
            "event_type": "task_start",
            "timestamp": "2025-03-03T10:01:00Z",
            "payload": {"task_id": "t1"},
        }
    ]
}
BATCH_EXAMPLE = {
    "sent_at": "2025-07-01T12:00:01+03:00",
    "events": [
        {
            "event_id": "6f3a1c58-7c0a-4f7e-8a51-9a3f4a7b2c33",
            "event_name": "product_view",
            "occurred_at": "2025-07-01T12:00:00+03:00",
            "subject": {"user_code": "u-17"},
            "props": {"product_name": "diode", "quantity": 2},
        }
    ],
}
DEVICE_EXAMPLE = {
    "user_code": "u-17",
    "event_name": "number_of_adding_products_in_cart",
    "occurred_at": "2025-07-01T12:00:00+03:00",
    "attrs": [
        {"name": "product_name", "type": "string", "value": "diode"},
        {"name": "quantity", "type": "integer", "value": 2},
    ],
}
ACTIVITY_EXAMPLE = {
    "customer_id": 3,
    "session_id": "s-1",
    "action_type": "view_product",
    "details": {"product_id": 4},
    "ip_address": "203.0.113.7",
}


def _body(schema: dict[str, Any], example: Any) -> dict[str, Any]:
    content = {JSON_TYPE: {"schema": schema, "examples": {"usual": {"value": example}}}}
    return {"requestBody": {"required": True, "content": content}}


def _batch(*events: dict[str, Any]) -> dict[str, Any]:
    items = {"type": "array", "minItems": 1, "maxItems": MOST_EVENTS, "items": {"anyOf": list(events)}}
    document = {"type": "object", "required": ["events"], "properties": {"events": items, "sent_at": TIME}}
    return {"anyOf": [document, items]}


LEARNING_BODY = _body(_batch(LEARNING_EVENT, ENVELOPE, DEVICE_MESSAGE, ACTIVITY), LEARNING_EXAMPLE)
BATCH_BODY = _body(_batch(ENVELOPE, DEVICE_MESSAGE, LEARNING_EVENT, ACTIVITY), BATCH_EXAMPLE)
DEVICE_BODY = _body(DEVICE_MESSAGE, DEVICE_EXAMPLE)
ACTIVITY_BODY = _body(ACTIVITY, ACTIVITY_EXAMPLE)

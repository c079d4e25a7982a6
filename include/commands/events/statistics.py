"""``events statistics``: what the people of an app did, as a table, JSON or CSV."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from include.commands.tables import WIDEST, text_of
from include.commands.terminal import JsonOption, guarded, settings_here, show
from include.errors import InputError
from include.events.apps.rules import ProjectRules, read_rules
from include.events.loading.tables import ensure_event_tables
from include.events.schemas.compiled import EventSchema
from include.events.schemas.names import event_name_of
from include.events.statistics.answering import Answer, answer
from include.events.statistics.asking import Asked, ask
from include.events.statistics.csv_form import to_csv
from include.events.statistics.question import DEFAULT_LIMIT, DEFAULT_TOP, USER_CODE, Question
from include.services.stores import Stores, open_stores
from include.state.engine import reachable

AppArgument = Annotated[str, typer.Argument(metavar="APP", help="App code, or default.")]
EventArgument = Annotated[str, typer.Argument(metavar="EVENT", help="Event code, or the name of the event.")]
GroupOption = Annotated[str | None, typer.Option("--group-by", help="Attribute whose values become columns.")]
ValueOption = Annotated[str | None, typer.Option("--value", help="Attribute that is aggregated.")]
AggOption = Annotated[str | None, typer.Option("--agg", help="sum, count, avg, min, max or uniq.")]
FromOption = Annotated[str | None, typer.Option("--from", help="First instant, or a day of the app's zone.")]
ToOption = Annotated[str | None, typer.Option("--to", help="First instant after the period, or a day.")]
FilterOption = Annotated[
    list[str] | None,
    typer.Option("--filter", help="attribute:comparison:value, for example quantity:ge:2; repeatable."),
]
TopOption = Annotated[int, typer.Option("--top-k", help="Most columns; the rest is folded into __other__.")]
UserOption = Annotated[str | None, typer.Option("--user-code", help="Only this person.")]
IdentityOption = Annotated[str, typer.Option("--identity", help="Identity that names the people, such as user_id.")]
LimitOption = Annotated[int, typer.Option("--limit", help="People of a page, 1 to 1000.")]
OffsetOption = Annotated[int, typer.Option("--offset", help="People before the page.")]
CsvOption = Annotated[bool, typer.Option("--csv", help="Print CSV instead of a table.")]


@guarded
def statistics(
    app_code: AppArgument,
    event: EventArgument,
    group_by: GroupOption = None,
    value: ValueOption = None,
    agg: AggOption = None,
    start: FromOption = None,
    end: ToOption = None,
    filters: FilterOption = None,
    top_k: TopOption = DEFAULT_TOP,
    user_code: UserOption = None,
    identity: IdentityOption = USER_CODE,
    limit: LimitOption = DEFAULT_LIMIT,
    offset: OffsetOption = 0,
    as_csv: CsvOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show what the people of an app did: an aggregate per person and value of an attribute.

    Args:
        app_code: the app.
        event: code or name of the event.
        group_by: attribute whose values become columns.
        value: attribute that is aggregated.
        agg: what is computed of it.
        start: first instant of the period.
        end: first instant after it.
        filters: each attribute:comparison:value.
        top_k: most columns.
        user_code: only this person.
        identity: identity that names the people.
        limit: people of a page.
        offset: people before it.
        as_csv: print CSV.
        as_json: print one line of JSON.
    """
    asked = Asked(group_by, value, agg, start, end, tuple(filters or ()), top_k, user_code, identity, limit, offset)
    settings = settings_here()
    stores = open_stores(settings)
    rules, schema = _event_of(stores, app_code, event)
    ensure_event_tables(stores.warehouse, settings.intake)
    question = ask(rules, schema, asked)
    found = answer(stores.warehouse, settings.intake.events_table, question)
    if as_csv:
        sys.stdout.write(to_csv(found))  # as it is: typer's echo leaves out what looks like an escape sequence
    elif as_json:
        show(_result(question, found), as_json=True, title="")
    else:
        _print_table(question, found)


def _event_of(stores: Stores, app_code: str, event: str) -> tuple[ProjectRules, EventSchema]:
    with reachable(stores.state), stores.state.connect() as connection:
        rules = read_rules(connection, app_code)
    if rules is None:
        raise InputError(f"There is no app {app_code!r}.", code="app_unknown")
    for schema in rules.schemas.values():
        if event in (schema.event_code, schema.event_name):
            return rules, schema
    found = rules.schemas.get(event_name_of(event))
    if found is None:
        raise InputError(
            f"The app has no registered event {event!r}; it has {', '.join(sorted(rules.schemas)) or 'none'}.",
            code="event_unknown",
        )
    return rules, found


def _result(question: Question, found: Answer) -> dict[str, Any]:
    return {
        "event_name": question.event_name,
        "agg": question.aggregate.value,
        "rows": found.wide(),
        "total": found.total,
        "has_more": found.has_more,
        "skipped": found.skipped_count,
    }


def _print_table(question: Question, found: Answer) -> None:
    what = question.value.name if question.value else "events"
    by = f" by {question.group.name}" if question.group else ""
    title = f"{question.event_name}: {question.aggregate} of {what}{by}"
    console = Console()
    table = _upright(title, found)
    wanted = console.measure(table, options=console.options.update(max_width=WIDEST)).maximum
    if wanted > console.width and console.is_terminal:
        table = _listed(title, found)
    console.width = max(console.width, wanted) if not console.is_terminal else console.width
    console.print(table)
    more = "; --offset shows more" if found.has_more else ""
    console.print(f"{len(found.people)} of {found.total} people{more}", highlight=False)
    if found.skipped_count:
        console.print(f"{found.skipped_count} events left out: a value does not fit the type its attribute has now")


def _upright(title: str, found: Answer) -> Table:
    """A line per person, a column per value."""
    table = Table(title=Text(title), title_justify="left")
    table.add_column(USER_CODE)
    for column in found.columns:
        table.add_column(_plain(column), justify="right")
    for row in found.wide():
        user, *cells = row.values()
        table.add_row(_person(user), *(Text(text_of(cell)) for cell in cells))
    return table


def _listed(title: str, found: Answer) -> Table:
    """A line per person and value, for terminals too narrow for more."""
    table = Table(title=Text(title), title_justify="left")
    for name in (USER_CODE, "key", "value"):
        table.add_column(name, justify="right" if name == "value" else "left")
    for row in found.long():
        table.add_row(_person(row[USER_CODE]), _plain(row["key"]), Text(text_of(row["value"])))
    return table


def _person(user: str | None) -> Text:
    return _plain(user) if user is not None else Text("nobody", style="italic")


def _plain(text: str) -> Text:
    """What others wrote, without a meaning for the table or the terminal."""
    return Text("".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text))

"""``metrics card``: what a number means, to the letter."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from include.commands.metrics.sharing import ProjectOption, named_course
from include.commands.terminal import JsonOption, guarded, settings_here, show
from include.metrics.catalogue.cards import Card, cards_of
from include.metrics.names import ALL_VERSIONS, parse_metrics, parse_versions
from include.services.stores import open_stores

NO_COURSE_ZONE = "UTC"
SHOWN_DIGEST_CHARS = 12  # as everywhere; --json has the whole
MetricArgument = Annotated[str, typer.Argument(metavar="METRIC", help="Name of the metric, such as time_on_task.")]
CardVersionOption = Annotated[str, typer.Option("--version", help="1, 2 or all.")]
CardCourseOption = Annotated[
    str | None, typer.Option("--course", help="As this course calculates it; its zone is part of the definition.")
]


@guarded
def card(
    metric: MetricArgument,
    version: CardVersionOption = ALL_VERSIONS,
    course: CardCourseOption = None,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the card of a metric: formula, unit, parameters, when there is no value, and the digest.

    Args:
        metric: the metric.
        version: which definitions.
        course: the course whose zone is meant.
        project: its app.
        as_json: print one line of JSON.
    """
    settings = settings_here()
    zone_name = NO_COURSE_ZONE
    metrics, versions = parse_metrics([metric]), parse_versions(version, 1)
    if course is not None:
        zone_name = named_course(open_stores(settings).state, course, project).zone.key
    cards = cards_of(metrics, versions, zone_name, settings.learning)
    if as_json:
        show({"cards": [{**one.document(), "digest": one.digest} for one in cards]}, as_json=True, title="")
        return
    for one in cards:
        show(_lines(one), as_json=False, title=f"{one.metric}, version {one.version}")


def _lines(one: Card) -> dict[str, Any]:
    low, high = one.bounds
    parameters = "; ".join(f"{name.replace('_', ' ')} {value}" for name, value in sorted(one.parameters.items()))
    return {
        "formula": one.formula,
        "unit": one.unit,
        "of a course": one.course_unit,
        "bounds": f"{'none' if low is None else f'{low:g}'} to {'none' if high is None else f'{high:g}'}",
        "parameters": parameters,
        "sample_n counts": one.sample,
        "no value": one.null_rule,
        "source": one.source,
        "digest": one.digest[:SHOWN_DIGEST_CHARS],
    }

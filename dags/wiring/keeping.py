"""The steps of ``housekeeping`` as one call each."""

from __future__ import annotations

import datetime as dt

from dags.wiring.connections import Run


def free_logs(run: Run, older_than: dt.timedelta) -> dict[str, int]:
    """Give leaked log requests of ours back to Metrika.

    Args:
        run: what the task works with.
        older_than: only requests ordered longer ago.

    Returns:
        How many per counter.
    """
    from include.metrika.logs_api import LogsApi
    from include.metrika.releasing import release_stale

    api = LogsApi(run.session)
    return {
        str(counter_id): release_stale(api, run.stores.state, counter_id, older_than)
        for counter_id in run.settings.metrika.counter_ids
    }


def drop_old_files(run: Run, older_than: dt.timedelta, keep_days: int) -> dict[str, int]:
    """Drop left-over staging tables, old tokens and old exports.

    Args:
        run: what the task works with.
        older_than: age of left-over tables.
        keep_days: how long exports are kept.

    Returns:
        How many of each.
    """
    from include.state.api_tasks import forget_old_tokens
    from include.visits.export import drop_old_exports
    from include.warehouse.day_swap import drop_leftover_stages

    tables = drop_leftover_stages(run.stores.warehouse, int(older_than.total_seconds()))
    return {
        "tables": len(tables),
        "tokens": forget_old_tokens(run.stores.state),
        "exports": drop_old_exports(run.settings.exports_dir, keep_days),
    }


def retry_unlinked(run: Run, run_id: str) -> int:
    """Send conversions again that Metrika could not link.

    Args:
        run: what the task works with.
        run_id: the run.

    Returns:
        How many conversions.
    """
    from include.conversions.linkage import retry_linkage
    from include.metrika.conversions_api import ConversionsApi

    report = retry_linkage(
        run.stores.state,
        ConversionsApi(run.session),
        counter_ids=run.settings.metrika.counter_ids,
        settings=run.settings.conversions,
        run_id=run_id,
    )
    return report.conversions

"""The steps of ``housekeeping`` as one call each."""

from __future__ import annotations

import datetime as dt
import logging

from dags.wiring.runs import Run

log = logging.getLogger(__name__)


def free_logs(run: Run, older_than: dt.timedelta) -> dict[str, int]:
    """Give leaked log requests of ours back to Metrika, of every counter that still has some.

    Args:
        run: what the task works with.
        older_than: only requests ordered longer ago.

    Returns:
        How many per counter.
    """
    from include.metrika.client.logs_api import LogsApi
    from include.metrika.requests.releasing import release_stale
    from include.state.upkeep import counters_with_open_requests

    api, state = LogsApi(run.session), run.stores.state
    freed = {
        counter_id: release_stale(api, state, counter_id, older_than)
        for counter_id in counters_with_open_requests(state)
    }
    log.info("log requests freed by counter: %s", freed)
    return {str(counter_id): count for counter_id, count in freed.items()}


def drop_leftovers(run: Run, older_than: dt.timedelta, keep_days: int) -> dict[str, int]:
    """Drop left-over staging tables, old tokens, old stored answers, old exports, and what events no longer need.

    Args:
        run: what the task works with.
        older_than: age of left-over tables.
        keep_days: how long exports are kept.

    Returns:
        How many of each.
    """
    from include.events.keeping import forget_events
    from include.state.api_tasks import forget_old_tokens
    from include.state.upkeep import drop_old_replays
    from include.visits.scoring.export import drop_old_exports
    from include.warehouse.day_swap import drop_leftover_stages

    counts = {
        "tables": len(drop_leftover_stages(run.stores.warehouse, int(older_than.total_seconds()))),
        "tokens": forget_old_tokens(run.stores.state),
        "answers": drop_old_replays(run.stores.state),
        "exports": drop_old_exports(run.settings.exports_dir, keep_days),
        **forget_events(run.stores.state, run.settings.intake),
    }
    log.info("dropped %s", counts)
    return counts


def retry_unlinked(run: Run) -> int:
    """Send conversions again that Metrika could not link.

    Args:
        run: what the task works with.

    Returns:
        How many conversions.
    """
    from include.conversions.linkage import retry_linkage
    from include.metrika.client.conversions_api import ConversionsApi
    from include.state.upkeep import counters_with_uploads

    report = retry_linkage(
        run.stores.state,
        ConversionsApi(run.session),
        counter_ids=counters_with_uploads(run.stores.state),
        settings=run.settings.conversions,
        run_id=run.run_id,
    )
    return report.conversions


def forget_tokens(run: Run) -> dict[str, int]:
    """Forget sign-ins that have ended, expired refresh tokens and old failed sign-ins.

    Args:
        run: what the task works with.

    Returns:
        How many of each.
    """
    from include.accounts.purging import purge_tokens

    return purge_tokens(run.stores.state, run.settings.accounts)

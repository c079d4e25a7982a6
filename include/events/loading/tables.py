"""The tables that loading writes to."""

from __future__ import annotations

from include.events.tables import events_table, rejected_table
from include.settings.intake import IntakeSettings
from include.warehouse.client import Warehouse
from include.warehouse.schema import ensure_tables


def ensure_event_tables(warehouse: Warehouse, settings: IntakeSettings) -> None:
    """Create the tables of events where they are missing.

    Args:
        warehouse: the warehouse.
        settings: of the intake, for the tables' name.

    Raises:
        StoreConflict: a stored table has other columns.
        StoreUnavailable: ClickHouse cannot be reached.
    """
    ensure_tables(warehouse, (events_table(settings.events_table), rejected_table(settings.events_table)))

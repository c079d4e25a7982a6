"""Public shop data: pages that are the label themselves leak it, and the training set can leave them out."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from include.visits.training.candidates import BOOSTING
from include.visits.training.fitting import predict_out_of_fold
from include.visits.training.folds import grouped_folds
from include.visits.training_job.dataset import TrainingSet
from tests.ecom_shop import write_shop
from tests.labelled_days import import_file, training_set, with_goals, write_labels
from tests.visit_days import LoadedDay, loaded, migrated, state, visit_environ, warehouse

__all__ = ["loaded", "migrated", "state", "visit_environ", "warehouse"]

CHECKOUT = "/(purchase|payment_details|shipping_details|payment_error|checkout_bug)$"


@pytest.fixture
def shop(loaded: LoadedDay, shared_data, tmp_path) -> LoadedDay:
    """Every session of the shop, stored as if of one day, which is quicker; one with a purchase is positive."""
    with_goals(loaded)
    files = write_shop(shared_data("retentioneering/ecom.csv.gz"), tmp_path)
    visits, hits = pd.read_csv(files.visits_file, dtype=str), pd.read_csv(files.hits_file, dtype=str)
    insert(loaded, "visits", visits, {
        "visit_id": numbers(visits["ym:s:visitID"]),
        "client_id": numbers(visits["ym:s:clientID"]),
        "watch_ids": [[int(one) for one in ids.strip("[]").split(",")] for ids in visits["ym:s:watchIDs"]],
        "started_at": moments(visits["ym:s:dateTime"]),
        "duration_seconds": numbers(visits["ym:s:visitDuration"]),
        "page_views": numbers(visits["ym:s:pageViews"]),
        "is_bounce": numbers(visits["ym:s:bounce"]),
        "device_category": visits["ym:s:deviceCategory"].tolist(),
    })  # fmt: skip
    insert(loaded, "hits", hits, {
        "watch_id": numbers(hits["ym:pv:watchID"]),
        "client_id": numbers(hits["ym:pv:clientID"]),
        "hit_at": moments(hits["ym:pv:dateTime"]),
        "is_page_view": [1] * len(hits),
        "url": hits["ym:pv:URL"].tolist(),
    })  # fmt: skip
    bought = set(hits.loc[hits["ym:pv:URL"].str.endswith("/purchase"), "ym:pv:watchID"])
    labels = {
        int(visit): int(not bought.isdisjoint(ids.strip("[]").split(",")))
        for visit, ids in zip(visits["ym:s:visitID"], visits["ym:s:watchIDs"], strict=True)
    }
    import_file(loaded, write_labels(tmp_path / "labels.csv", labels))
    return loaded


def numbers(column: pd.Series) -> list[int]:
    return [int(text) for text in column]


def moments(column: pd.Series) -> list[dt.datetime]:
    return [dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC) for text in column]


def insert(day: LoadedDay, table: str, rows: pd.DataFrame, columns: dict[str, list]) -> None:
    full = {"counter_id": [day.counter_id] * len(rows), "date": [day.day] * len(rows), **columns}
    day.warehouse.insert_columns(table, list(full), list(full.values()))


def roc(found: TrainingSet) -> float:
    """ROC of boosted trees on the desktops, out of fold by client."""
    desktop = found.samples["desktop"]
    deal = grouped_folds(desktop.labels, desktop.groups)
    matrix = desktop.features.to_numpy()
    answers = predict_out_of_fold([BOOSTING], matrix, desktop.labels, deal, seed=0)[BOOSTING]
    return float(roc_auc_score(desktop.labels, answers))


class TestExcludeUrlOnTheShop:
    def test_should_fall_to_the_roc_of_honest_features_when_checkout_pages_are_left_out(self, shop):
        leaking, honest = training_set(shop), training_set(shop, exclude_url=CHECKOUT)
        assert [len(found.samples["desktop"]) for found in (leaking, honest)] == [1890, 1890]
        assert honest.samples["desktop"].positive_count == 277
        assert roc(leaking) > 0.67
        assert roc(honest) < 0.62

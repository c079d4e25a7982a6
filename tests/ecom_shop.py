"""The public shop clickstream, re-dressed as one counter's visits and hits in two CSV files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

DEVICES = {"desktop": "1", "mobile": "2", "tablet": "3"}
FIRST_VISIT_ID = 2**63 - 1_800  # 19 digits, about half of them above 2^63
FIRST_WATCH_ID = 10**19 - 15_000  # 19 and 20 digits, all above 2^63
FIRST_CLIENT_ID = 1_718_000_000_000_000_000
SHUFFLE_SEED = 18_055


@dataclass(frozen=True)
class ShopFiles:
    """Files for the sandbox.

    Attributes:
        visits_file: CSV with the columns of the Logs API.
        hits_file: CSV with the columns of the Logs API.
        visit_ids: session name -> visit id.
    """

    visits_file: Path
    hits_file: Path
    visit_ids: dict[str, int]


def write_shop(
    ecom: Path, folder: Path, *, shift_hours: int = 0, drop_every_tenth: bool = False, names_visits: bool = False
) -> ShopFiles:
    """Write the clickstream as a counter's logs, in no order.

    Args:
        ecom: the public file.
        folder: where the two CSV files go.
        shift_hours: added to every time, which moves sessions over midnight.
        drop_every_tenth: leave every tenth hit out, so that watchIDs name hits that are not there.
        names_visits: give the hits their own ym:pv:visitID.

    Returns:
        The files.
    """
    hits = _numbered(pd.read_csv(ecom), pd.Timedelta(hours=shift_hours))
    visits = _visits(hits)
    kept = hits[hits.index % 10 != 7] if drop_every_tenth else hits
    shown = _hits(kept, names_visits=names_visits)
    firsts = hits.groupby("session_id")["visit"].first().to_dict()
    found = ShopFiles(
        folder / "visits.csv.gz", folder / "hits.csv.gz", {str(name): int(number) for name, number in firsts.items()}
    )
    visits.sample(frac=1, random_state=SHUFFLE_SEED).to_csv(found.visits_file, index=False)
    shown.sample(frac=1, random_state=SHUFFLE_SEED).to_csv(found.hits_file, index=False)
    return found


def _numbered(events: pd.DataFrame, shift: pd.Timedelta) -> pd.DataFrame:
    sessions, users = pd.factorize(events["session_id"])[0], pd.factorize(events["user_id"])[0]
    return events.assign(
        at=pd.to_datetime(events["timestamp"]) + shift,
        watch=[FIRST_WATCH_ID + number for number in range(len(events))],
        visit=[FIRST_VISIT_ID + int(number) for number in sessions],
        client=[FIRST_CLIENT_ID + int(number) for number in users],
    )


def _visits(hits: pd.DataFrame) -> pd.DataFrame:
    sessions = hits.groupby("visit", sort=False)
    times, counts = sessions["at"], sessions.size()
    return pd.DataFrame(
        {
            "ym:s:visitID": counts.index,
            "ym:s:clientID": sessions["client"].first().to_numpy(),
            "ym:s:watchIDs": [f"[{','.join(map(str, ids))}]" for ids in sessions["watch"].agg(list)],
            "ym:s:dateTime": times.min().dt.strftime("%Y-%m-%d %H:%M:%S").to_numpy(),
            "ym:s:visitDuration": (times.max() - times.min()).dt.total_seconds().astype(int).to_numpy(),
            "ym:s:pageViews": counts.to_numpy(),
            "ym:s:bounce": (counts == 1).astype(int).to_numpy(),
            "ym:s:deviceCategory": sessions["platform"].first().map(DEVICES).to_numpy(),
        }
    )


def _hits(hits: pd.DataFrame, *, names_visits: bool) -> pd.DataFrame:
    shown = pd.DataFrame(
        {
            "ym:pv:watchID": hits["watch"],
            "ym:pv:clientID": hits["client"],
            "ym:pv:dateTime": hits["at"].dt.strftime("%Y-%m-%d %H:%M:%S"),
            "ym:pv:URL": "https://shop.example/" + hits["event"],
        }
    )
    return shown.assign(**{"ym:pv:visitID": hits["visit"]}) if names_visits else shown


CHECKOUT = ("purchase", "payment_details", "shipping_details", "payment_error", "checkout_bug")


@dataclass(frozen=True)
class LabelledShop:
    """Files for an evaluation.

    Attributes:
        visits_file: CSV with the columns of the Logs API.
        hits_file: CSV with the columns of the Logs API.
        labels_file: ``visit_id,label``; 1 when the session holds a purchase.
    """

    visits_file: Path
    hits_file: Path
    labels_file: Path


def write_labelled_shop(ecom: Path, folder: Path, *, with_checkout: bool = False) -> LabelledShop:
    """Write what was known before the checkout, and who bought.

    Args:
        ecom: the public file.
        folder: where the files go.
        with_checkout: leave the checkout's hits in, which gives the label away.

    Returns:
        The files.
    """
    events = pd.read_csv(ecom)
    kept = events if with_checkout else events[~events["event"].isin(CHECKOUT)]
    kept.to_csv(folder / "seen.csv", index=False)
    shop = write_shop(folder / "seen.csv", folder)
    bought = set(events.loc[events["event"] == "purchase", "session_id"])
    labels = pd.DataFrame(
        {"visit_id": list(shop.visit_ids.values()), "label": [int(name in bought) for name in shop.visit_ids]}
    )
    labels.to_csv(folder / "labels.csv", index=False)
    return LabelledShop(shop.visits_file, shop.hits_file, folder / "labels.csv")

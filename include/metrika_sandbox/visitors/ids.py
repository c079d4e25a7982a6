"""Ids as Metrika gives them: unique 64-bit numbers of 19 or 20 digits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

UInt64Array = npt.NDArray[np.uint64]
Int64Array = npt.NDArray[np.int64]

VISIT, HIT, CLIENT, CLICK = range(4)  # kinds of id; ids of different kinds never meet
FLOOR = np.uint64(10**18)  # the smallest number of 19 digits
HIGH = np.uint64(2**63)  # ids above need an unsigned type
HIGH_EVERY = 5  # every fifth visit or hit id is above 2^63
MASK = np.uint64(2**60 - 1)
ODD_FACTORS = (np.uint64(0x9E3779B97F4A7C1), np.uint64(0xBF58476D1CE4E5B))
DAY_BITS, VISIT_BITS, HIT_BITS = 15, 24, 10


def _mix(numbers: UInt64Array, key: int) -> UInt64Array:
    """Shuffle 60-bit numbers one to one."""
    mixed = (numbers + np.uint64(key & 0x0FFF_FFFF_FFFF_FFFF)) & MASK
    for factor in ODD_FACTORS:
        mixed = (mixed * factor) & MASK
        mixed = mixed ^ (mixed >> np.uint64(31))
    return mixed


def make_ids(kind: int, numbers: Int64Array, *, key: int, has_high: bool, is_long: bool = True) -> UInt64Array:
    """Turn small numbers into unique ids of one kind.

    Args:
        kind: VISIT, HIT, CLIENT or CLICK.
        numbers: shape (n,), int64, 0 to 2^57 - 1, unique within the kind.
        key: number of the sandbox and counter; another key gives other ids.
        has_high: let every fifth id lie above 2^63 (20 digits).
        is_long: false gives ids that a float holds exactly, as small sites of old had.

    Returns:
        Shape (n,), uint64; at least 10^18 when long, else below 2^53.
    """
    plain = (numbers.astype(np.uint64) << np.uint64(2)) | np.uint64(kind)
    if not is_long:
        return plain + np.uint64(1)
    ids = _mix(plain, key) + FLOOR
    if has_high:
        ids = ids + np.where(numbers % HIGH_EVERY == HIGH_EVERY - 1, HIGH, np.uint64(0))
    return ids


def spread(ids: UInt64Array, salt: int, size: int) -> Int64Array:
    """Choose one of ``size`` places for each id, always the same.

    Args:
        ids: shape (n,), uint64.
        salt: another salt chooses independently.
        size: number of places, > 0.

    Returns:
        Shape (n,), int64, 0 to size - 1.
    """
    mixed = _mix(ids & MASK, salt * 0x51ED_270B_7A2F_3C1)
    return ((mixed >> np.uint64(13)) % np.uint64(size)).astype(np.int64)


def to_text(numbers: npt.NDArray[np.generic]) -> list[str]:
    """Write whole numbers as decimal text, exactly."""
    return list(map(str, numbers.tolist()))

from __future__ import annotations

import csv
import hashlib
import io
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.conversions.rules.file import FILE_LIMIT_BYTES, FileRow, batch_comment, rows_per_file, write_file
from include.conversions.rules.identifiers import LONGEST_CHARS, IdentifierKind


def written(target: str, *rows: FileRow, with_money: bool = False) -> bytes:
    stream = io.BytesIO()
    write_file(stream, IdentifierKind.CLIENT_ID, target, rows, with_money=with_money)
    return stream.getvalue()


class TestM19WriteFile:
    @pytest.mark.parametrize(
        ("kind", "column"),
        [("CLIENT_ID", "ClientId"), ("USER_ID", "UserId"), ("YCLID", "Yclid"), ("PURCHASE_ID", "PurchaseId")],
    )
    def test_should_head_the_file_with_the_kind_when_it_is_written(self, kind: str, column: str) -> None:
        stream = io.BytesIO()
        write_file(stream, IdentifierKind(kind), "4plus", [FileRow("7", 1)], with_money=False)
        assert stream.getvalue() == f"{column},Target,DateTime\n7,4plus,1\n".encode()

    def test_should_write_price_and_currency_when_there_are_some(self) -> None:
        rows = (FileRow("7", 1, Decimal("1500.50"), "RUB"), FileRow("8", 2))
        assert written("buy", *rows, with_money=True) == (
            b"ClientId,Target,DateTime,Price,Currency\n7,buy,1,1500.50,RUB\n8,buy,2,,\n"
        )

    @pytest.mark.parametrize("target", ["a,b", 'say "x"', "two\nlines", "two\r\nlines", "lone\rreturn", "цель;№"])
    def test_should_read_back_the_same_when_the_target_needs_quotes(self, target: str) -> None:
        rows = list(csv.DictReader(io.StringIO(written(target, FileRow("7", 1)).decode(), newline="")))
        assert rows == [{"ClientId": "7", "Target": target, "DateTime": "1"}]

    @given(st.lists(st.tuples(st.text(st.characters(exclude_characters="\0", codec="utf-8")), st.integers(0, 10**11))))
    def test_should_read_back_every_row_when_identifiers_are_arbitrary(self, rows: list[tuple[str, int]]) -> None:
        clean = [(identifier.replace("\r", ""), epoch) for identifier, epoch in rows]
        content = written("t", *(FileRow(identifier, epoch) for identifier, epoch in clean)).decode()
        read = csv.DictReader(io.StringIO(content, newline=""))
        assert [(row["ClientId"], int(row["DateTime"])) for row in read] == clean

    def test_should_give_the_digest_of_the_bytes_when_nothing_is_written(self) -> None:
        rows = [FileRow(str(number), number) for number in range(12_000)]
        facts = write_file(None, IdentifierKind.CLIENT_ID, "t", rows, with_money=False)
        content = written("t", *rows)
        assert (facts.sha256, facts.size_bytes, facts.row_count) == (
            hashlib.sha256(content).hexdigest(),
            len(content),
            12_000,
        )


class TestM23RowsPerFile:
    def test_should_stay_under_the_limit_when_every_field_is_as_long_as_it_can_be(self) -> None:
        target = '"' * LONGEST_CHARS
        rows = rows_per_file(target, 4 * LONGEST_CHARS, 10_000_000)
        longest = FileRow('"' * 4 * LONGEST_CHARS, 99_999_999_999, Decimal("9999999999999999.99"), "RUB")
        one, two = (len(written(target, *[longest] * count, with_money=True)) for count in (1, 2))
        assert one + (rows - 1) * (two - one) < FILE_LIMIT_BYTES

    @pytest.mark.parametrize(("cap", "rows"), [(1, 1), (500, 500)])
    def test_should_keep_the_cap_when_it_is_smaller(self, cap: int, rows: int) -> None:
        assert rows_per_file("4plus", 20, cap) == rows


class TestBatchComment:
    def test_should_hold_letters_and_digits_only_when_made(self) -> None:
        comment = batch_comment(1, "4plus", IdentifierKind.CLIENT_ID, "ab", 1)
        assert (comment.isascii(), comment.isalnum(), len(comment)) == (True, True, 42)

    def test_should_be_equal_when_nothing_differs(self) -> None:
        made = {batch_comment(1, "4plus", IdentifierKind.CLIENT_ID, "ab", 1) for _ in range(2)}
        assert len(made) == 1

    def test_should_differ_when_anything_differs(self) -> None:
        client, user = IdentifierKind.CLIENT_ID, IdentifierKind.USER_ID
        made = {
            batch_comment(1, "4plus", client, "ab", 1),
            batch_comment(2, "4plus", client, "ab", 1),
            batch_comment(1, "5plus", client, "ab", 1),
            batch_comment(1, "4plus", user, "ab", 1),
            batch_comment(1, "4plus", client, "ac", 1),
            batch_comment(1, "4plus", client, "ab", 2),
        }
        assert len(made) == 6

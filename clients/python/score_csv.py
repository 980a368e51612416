#!/usr/bin/env python3
"""Scores a table of customs declarations by a parcel-risk server.

Prints one JSON object a line, in the order of the rows: a Decision in proto3 JSON, or
{"itemId": ..., "error": {"code": ..., "message": ..., "fieldViolations": [...]}} for a row whose parcel is malformed.

It needs the stubs that `generate.py` makes of the contract, and nothing else of this project: it is the mapping
`models/mappings/customs-declarations.toml` written out, for those who put their own table in its place.
"""

import argparse
import csv
import decimal
import itertools
import json
import re
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict
from google.rpc import error_details_pb2
from grpc_status import rpc_status

Row = dict[str, str]

# More digits than any cell has: no step before the rounding that is asked for may round.
decimal.getcontext().prec = 200

# UN/ECE Recommendation 19, as the declarations write it; any other code is OTHER.
TRANSPORT_MODES = {"10": "MARITIME", "20": "RAIL", "30": "ROAD", "40": "AIR", "50": "MAIL"}

NATIONAL_CODES = {
    "process_type": "Process Type",
    "import_type": "Import Type",
    "import_use": "Import Use",
    "payment_type": "Payment Type",
    "tax_type": "Tax Type",
    "origin_indicator": "Country of Origin Indicator",
}
NATIONAL_FIGURES = {"tax_rate": "Tax Rate"}

# Room for a full batch with every reason; gRPC's own default is 4 MiB.
CHANNEL_OPTIONS = [("grpc.max_receive_message_length", 16 << 20)]


class Unreadable(Exception):
    """A cell that cannot be put into a parcel at all."""


def decimal_of(row: Row, column: str) -> Decimal | None:
    """The cell's exact value; None where it is empty."""
    cell = row[column]
    if not cell:
        return None
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,2})?", cell):
        raise Unreadable(f"{column}: must be a number")
    return Decimal(cell)


def rounded(exact: Decimal) -> int:
    return int(exact.to_integral_value(rounding=decimal.ROUND_HALF_UP))


def parcel_of(row: Row) -> Any:
    """The parcel that a declaration speaks of. An empty cell is not stated, and an empty message is left out."""
    parcel = parcel_pb2.Parcel(
        item_id=row["Declaration ID"],
        id_scheme=parcel_pb2.ITEM_ID_SCHEME_CARRIER,
        origin_country=row["Country of Departure"],
        destination_country="KR",
        destination_office=row["Office ID"],
        carrier=row["Courier ID"],
        declarant=row["Declarant ID"],
    )
    if row["Date"]:
        try:
            advised_at = datetime.strptime(row["Date"], "%Y-%m-%d").replace(tzinfo=timezone.utc)
        except ValueError as err:
            raise Unreadable("Date: must be a date such as 2021-01-31") from err
        parcel.advised_at.seconds = int(advised_at.timestamp())
    if mode := row["Mode of Transport"]:
        parcel.transport_mode = f"TRANSPORT_MODE_{TRANSPORT_MODES.get(mode, 'OTHER')}"
    if seller := row["Seller ID"]:
        parcel.sender.party_id = seller
    if importer := row["Importer ID"]:
        parcel.addressee.party_id = importer

    line = parcel_pb2.ContentLine(hs_code=row["HS6 Code"], origin_country=row["Country of Origin"])
    try:
        if (kilograms := decimal_of(row, "Net Mass")) is not None:
            line.net_mass_grams = rounded(kilograms * 1000)
        if (price := decimal_of(row, "Item Price")) is not None:
            billionths = rounded(price * 10**9)
            sign = -1 if billionths < 0 else 1
            units, nanos = divmod(abs(billionths), 10**9)
            line.value.CopyFrom(parcel_pb2.Money(currency_code="KRW", units=sign * units, nanos=sign * nanos))
    except ValueError as err:
        raise Unreadable("Net Mass, Item Price: must fit the contract's fields") from err
    if line.ListFields():
        parcel.contents.append(line)

    parcel.national_codes.update({key: row[column] for key, column in NATIONAL_CODES.items() if row[column]})
    for key, column in NATIONAL_FIGURES.items():
        if (figure := decimal_of(row, column)) is not None:
            parcel.national_figures[key] = float(figure)
    return parcel


def requests_of(rows: Iterable[Row], explanation: int) -> Iterator[Any]:
    for idx, row in enumerate(rows):
        try:
            yield scoring_pb2.ScoreParcelRequest(parcel=parcel_of(row), explanation=explanation)
        except Unreadable as err:
            raise Unreadable(f"row {idx + 1}: {err}") from err


def output_of(item_id: str, result: Any) -> dict[str, Any]:
    if result.HasField("decision"):
        return MessageToDict(result.decision)
    return {"itemId": item_id, "error": MessageToDict(result.error)}


def by_stream(stub: Any, requests: Iterator[Any]) -> Iterator[dict[str, Any]]:
    """Sends while it receives; gRPC's flow control holds back whoever is ahead."""
    sent_ids: deque[str] = deque()
    failures: list[Exception] = []

    def messages() -> Iterator[Any]:
        try:
            for request in requests:
                sent_ids.append(request.parcel.item_id)
                yield scoring_pb2.StreamParcelsRequest(request=request)
        except Exception as err:
            # Raised in gRPC's own thread it would end the call with a status that does not say why.
            failures.append(err)

    for reply in stub.StreamParcels(messages()):
        yield output_of(sent_ids.popleft(), reply.result)
    if failures:
        raise failures[0]


def by_batch(stub: Any, requests: Iterator[Any], size: int) -> Iterator[dict[str, Any]]:
    while batch := list(itertools.islice(requests, size)):
        reply = stub.ScoreParcels(scoring_pb2.ScoreParcelsRequest(requests=batch))
        for request, result in zip(batch, reply.results, strict=True):
            yield output_of(request.parcel.item_id, result)


def by_call(stub: Any, requests: Iterator[Any]) -> Iterator[dict[str, Any]]:
    for request in requests:
        try:
            yield MessageToDict(stub.ScoreParcel(request).decision)
        except grpc.RpcError as err:
            if err.code() is not grpc.StatusCode.INVALID_ARGUMENT:
                raise
            yield {"itemId": request.parcel.item_id, "error": error_of(err)}


def error_of(err: Any) -> dict[str, Any]:
    """A unary call's rich error, in the form that batches and streams have it."""
    error = scoring_pb2.ItemError(code=err.code().value[0], message=err.details())
    status = rpc_status.from_call(err)
    for detail in status.details if status else ():
        bad_request = error_details_pb2.BadRequest()
        if detail.Unpack(bad_request):
            for violation in bad_request.field_violations:
                error.field_violations.add(field=violation.field, description=violation.description)
    return MessageToDict(error)


def main() -> None:
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="the declarations, as CSV")
    parser.add_argument("--endpoint", default="127.0.0.1:50051", help="host and port (default: %(default)s)")
    parser.add_argument("--explanation", choices=["none", "reasons", "full"], help="by default, where it is due")
    parser.add_argument("--stubs", type=Path, default=here / "gen", help="where generate.py put them")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--unary", action="store_true", help="one call a parcel, instead of one stream")
    how.add_argument("--batch", type=int, metavar="N", help="one call for N parcels, at most 1000")
    args = parser.parse_args()
    if args.batch is not None and args.batch < 1:
        parser.error("--batch: must be at least 1")

    global parcel_pb2, scoring_pb2
    sys.path.insert(0, str(args.stubs))
    try:
        from parcelrisk.v1 import parcel_pb2, scoring_pb2, scoring_pb2_grpc
    except ModuleNotFoundError as err:
        sys.exit(f"{args.stubs}: {err}; generate.py makes the stubs")

    level = scoring_pb2.ExplanationLevel.Value(f"EXPLANATION_LEVEL_{(args.explanation or 'unspecified').upper()}")
    try:
        with (
            args.file.open(encoding="utf-8-sig", newline="") as table,
            grpc.insecure_channel(args.endpoint, options=CHANNEL_OPTIONS) as channel,
        ):
            stub = scoring_pb2_grpc.RiskScoringServiceStub(channel)
            requests = requests_of(csv.DictReader(table, strict=True, restval=""), level)
            if args.unary:
                outputs = by_call(stub, requests)
            elif args.batch:
                outputs = by_batch(stub, requests, args.batch)
            else:
                outputs = by_stream(stub, requests)
            for output in outputs:
                print(json.dumps(output, ensure_ascii=False, separators=(",", ":")))
    except grpc.RpcError as err:
        sys.exit(f"{args.endpoint}: {err.code().name}: {err.details()}")
    except KeyError as err:
        sys.exit(f"{args.file}: has no column {err}")
    except (OSError, csv.Error, Unreadable) as err:
        sys.exit(f"{args.file}: {err}")


if __name__ == "__main__":
    main()

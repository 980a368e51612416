#!/usr/bin/env python3
"""The features of `parcel-risk`, and a model of your own: here LightGBM.

`parcel-risk features` writes a table of numbers in which each row saw only what was known when its parcel was advised.
What any library makes of it can be held against `parcel-risk evaluate`, on the same later parcels.

    pip install -r features-requirements.txt
    python features_lightgbm.py --data train.csv --later valid.csv --mapping mapping.toml --model DIR

DIR is what `parcel-risk train --data train.csv` wrote; its features are taken, and it is what the figures stand beside.
Without --model: the built-in features, and nothing beside. --matrix reads a matrix (.parquet) that is there already, in
place of the tables; --from then says where the later parcels begin.
"""

import argparse
import json
import subprocess
import tempfile
from datetime import datetime
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pyarrow.parquet as pq
from sklearn.metrics import average_precision_score

SETTINGS = dict(
    objective="binary",
    learning_rate=0.05,
    num_leaves=12,
    feature_fraction=0.3,
    bagging_fraction=0.7,
    bagging_freq=1,
    seed=1,
    deterministic=True,
    force_row_wise=True,
    verbose=-1,
)
N_TREES = 300
SHARES = (0.01, 0.02, 0.05, 0.1, 0.2)


def parcel_risk(binary: str, *args: object) -> str:
    return subprocess.run([binary, *map(str, args)], check=True, stdout=subprocess.PIPE, text=True).stdout


def first_day(table: Path, mapping: list[object], binary: str, at: Path) -> datetime:
    """When the first parcel of a table was advised: its own matrix begins with it."""
    parcel_risk(binary, "features", "--data", table, *mapping, "--out", at)
    return pq.read_table(at, columns=["advised_at"])["advised_at"][0].as_py().replace(tzinfo=None)


def precision_at(share: float, labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> float:
    """Share of infringements among the riskiest `share` of the parcels. Ties at the cut are cut as they come."""
    order = np.argsort(-scores, kind="stable")
    opened = order[: max(1, round(share * len(order)))]
    return float(np.average(labels[opened], weights=weights[opened]))


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--data", type=Path, nargs="+", help="tables to learn from")
    cli.add_argument("--later", type=Path, help="the table to be judged on, all of it later")
    cli.add_argument("--mapping", type=Path)
    cli.add_argument("--model", type=Path, help="artifact to take the features of, and to compare with")
    cli.add_argument("--matrix", type=Path, help="a matrix that is there already, in place of --data")
    cli.add_argument("--from", dest="begins", help="with --matrix: where the later parcels begin, such as 2021-01-01")
    cli.add_argument("--binary", default="parcel-risk")
    args = cli.parse_args()
    if bool(args.matrix) != bool(args.begins) or not (args.matrix or (args.data and args.later)):
        cli.error("give --data and --later, or --matrix and --from")
    mapping = ["--mapping", args.mapping] if args.mapping else []
    of_model = ["--model", args.model] if args.model else []

    with tempfile.TemporaryDirectory() as scratch:
        matrix, begins = args.matrix, np.datetime64(args.begins) if args.begins else None
        if matrix is None:
            # One run over both: the later parcels know the earlier ones, and of their outcomes those known by then.
            matrix = Path(scratch) / "matrix.parquet"
            tables = ["--data", *args.data, args.later]
            parcel_risk(args.binary, "features", *tables, *mapping, *of_model, "--out", matrix)
            begins = np.datetime64(first_day(args.later, mapping, args.binary, Path(scratch) / "later.parquet"), "us")
        table = pq.read_table(matrix)
    about = json.loads(table.schema.metadata[b"parcel_risk.features"])
    names = [name for name in table.column_names if name in about]

    known = table.filter(table["label"].is_valid())
    # Nulls become NaN, which LightGBM takes as missing.
    values = np.column_stack([known[name].to_numpy() for name in names])
    labels = known["label"].to_numpy().astype(np.int8)
    weights = known["weight"].to_numpy()
    is_later = known["advised_at"].to_numpy() >= np.datetime64(begins, "us")
    print(f"{(~is_later).sum():,} parcels to learn from, {is_later.sum():,} later ones, {len(names)} features")

    learn = lgb.Dataset(values[~is_later], labels[~is_later], weight=weights[~is_later], feature_name=names)
    booster = lgb.train(SETTINGS, learn, N_TREES)
    scores = booster.predict(values[is_later])
    labels, weights = labels[is_later], weights[is_later]
    ours = {"average precision": average_precision_score(labels, scores, sample_weight=weights)}
    ours |= {f"precision at {share:.0%}": precision_at(share, labels, scores, weights) for share in SHARES}

    theirs = {}
    if args.model and args.later:
        shares = ",".join(map(str, SHARES))
        asked = ["--data", args.later, *mapping, "--model", args.model, "--capacity", shares, "--format", "json"]
        report = json.loads(parcel_risk(args.binary, "evaluate", *asked))
        theirs["average precision"] = report["average_precision"]["value"]
        for row in report["capacity"]:
            theirs[f"precision at {row['share']:.0%}"] = row["precision"]["value"]
    print(f"{'':>18}  LightGBM  parcel-risk")
    for name, value in ours.items():
        print(f"{name:>18}  {value:8.3f}  " + (f"{theirs[name]:11.3f}" if name in theirs else f"{'–':>11}"))
    gains = sorted(zip(booster.feature_importance("gain"), names), reverse=True)[:5]
    print("What LightGBM gained most by:")
    for _, name in gains:
        print(f"  {name}: {about[name]['meaning']}")


if __name__ == "__main__":
    main()

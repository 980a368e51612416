#!/usr/bin/env python3
"""Speed and memory of training: CPU seconds, elapsed seconds and peak memory, as ratios to LightGBM's where it can do it.

usage: python benches/training.py TRAIN.csv [--rows 1000000] [--binary target/release/parcel-risk] [--fit]
needs: cargo, and `cargo build --release`; --fit also lightgbm numpy pyarrow (clients/python/features-requirements.txt)

TRAIN.csv is the public training part of the customs declarations. It is repeated to the wanted number of rows: parties
get a suffix for each copy and days are kept, so keys and days stay as dense as in the file. The replica is written once,
to target/training/. Linux only: CPU and memory are what the kernel counted of a process that has ended.
"""

import argparse
import csv
import json
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAPPING = ROOT / "models/mappings/customs-declarations.toml"
BENCH = ["cargo", "bench", "--quiet", "--locked", "--bench", "training", "--"]
PARTIES = ("Importer ID", "Seller ID", "Declarant ID")


def replicate(source: Path, n_rows: int, to: Path) -> None:
    with source.open(newline="", encoding="utf-8") as lines:
        header, *rows = csv.reader(lines)
    item = header.index("Declaration ID")
    parties, day = [header.index(name) for name in PARTIES], header.index("Date")
    copies = []
    for copy in range(-(-n_rows // len(rows))):
        for row in rows[: n_rows - len(copies)]:
            again = list(row)
            for column in (item, *parties) if copy else ():
                again[column] += f"#{copy}"
            copies.append(again)
    copies.sort(key=lambda row: row[day])
    pending = to.with_suffix(".part")
    with pending.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(header)
        writer.writerows(copies)
    pending.rename(to)


def apart(work, *arguments):
    """Runs `work` in a process of its own: the kernel counts this one's memory as that of each process it starts."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def measured(what: str, command: list[str], threads: int | None = None) -> dict:
    """Runs a process to its end; what the kernel counted of it."""
    environment = os.environ | ({"RAYON_NUM_THREADS": str(threads)} if threads else {})
    began = time.perf_counter()
    child = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, cwd=ROOT, text=True)
    printed = child.stdout.read()
    _, status, used = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"{what} failed: {' '.join(command)}")
    figures = {
        "what": what,
        "cpu_s": round(used.ru_utime + used.ru_stime, 2),
        "elapsed_s": round(time.perf_counter() - began, 2),
        "peak_mib": used.ru_maxrss // 1024,
    }
    print(json.dumps(figures), flush=True)
    return figures | {"printed": printed}


FIT_BY_LIGHTGBM = """
import json, sys, time
import lightgbm as lgb, numpy as np
matrix, labels, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
y = np.fromfile(labels, np.uint8)
X = np.fromfile(matrix, np.float32).reshape(len(y), -1)
cpu, wall = time.process_time(), time.perf_counter()
lgb.train(dict(objective="binary", num_leaves=31, verbose=-1, num_threads=threads), lgb.Dataset(X, y), 100)
print(json.dumps(dict(cpu_s=round(time.process_time() - cpu, 2), elapsed_s=round(time.perf_counter() - wall, 2))))
"""


def flat(matrix: Path, to: Path) -> tuple[Path, Path]:
    """The labeled rows of a matrix as plain numbers, which both fits read."""
    import numpy as np
    import pyarrow.parquet as pq

    table = pq.ParquetFile(matrix)
    names = table.schema_arrow.names[6:]
    values, labels = to / "values.f32", to / "labels.u8"
    with values.open("wb") as out, labels.open("wb") as out_labels:
        for batch in table.iter_batches(65_536):
            known = batch.column("label").is_valid().to_numpy(zero_copy_only=False)
            columns = [batch.column(name).to_numpy(zero_copy_only=False) for name in names]
            np.column_stack(columns).astype(np.float32)[known].tofile(out)
            batch.column("label").drop_null().to_numpy(zero_copy_only=False).astype(np.uint8).tofile(out_labels)
    return values, labels


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    cli.add_argument("train", type=Path)
    cli.add_argument("--rows", type=int, default=1_000_000)
    cli.add_argument("--binary", type=Path, default=ROOT / "target/release/parcel-risk")
    cli.add_argument("--fit", action="store_true", help="also fit 100 trees of 31 leaves, by both, on the same matrix")
    cli.add_argument("--train-too", action="store_true", help="also run the whole of `parcel-risk train`")
    args = cli.parse_args()
    work = ROOT / "target/training"
    work.mkdir(parents=True, exist_ok=True)
    replica, matrix = work / f"{args.rows}.csv", work / f"{args.rows}.parquet"
    if not replica.exists():
        apart(replicate, args.train.resolve(), args.rows, replica)

    data = ["--mapping", str(MAPPING), "--data", str(replica), "--out"]
    features = [str(args.binary.resolve()), "features", *data, str(matrix)]
    one = measured("features, 1 thread", features, threads=1)
    two = measured("features, 2 threads", features, threads=2)
    print(f"features: {one['elapsed_s'] / two['elapsed_s']:.2f} times as fast by two threads")
    for threads in (1, 2):
        replay = [*BENCH, "replay", str(replica), str(MAPPING), str(threads)]
        print(f"replay + features: {measured(f'replay, {threads}', replay)['printed'].splitlines()[-1]}")
    if args.fit:
        values, labels = apart(flat, matrix, work)
        for threads in (1, 2):
            fit = [*BENCH, "fit", str(values), str(labels), str(threads)]
            ours = json.loads(measured(f"ours, {threads}", fit)["printed"].splitlines()[-1])
            fit = [sys.executable, "-c", FIT_BY_LIGHTGBM, str(values), str(labels), str(threads)]
            theirs = json.loads(measured(f"LightGBM, {threads}", fit)["printed"].splitlines()[-1])
            print(f"fit of 100 x 31 on {threads} threads: {json.dumps(ours)}, LightGBM {json.dumps(theirs)}")
            print(f"CPU, ours / LightGBM's: {ours['cpu_s'] / theirs['cpu_s']:.2f}")
    if args.train_too:
        measured("train", [str(args.binary.resolve()), "train", *data, str(work / "model")])


if __name__ == "__main__":
    main()

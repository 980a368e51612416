#!/usr/bin/env python3
"""What a server does at ten times the load that it can answer: capacity, 80 % of it, ten times it, and right after.

usage: benches/overload.py [--binary target/release/parcel-risk] [--set serve.max_in_flight=2000 ...] [--rounds 1]

Starts a server on one core and the client (`parcel-risk bench`) on another, prints what each step measured and a verdict for
each claim, and ends with 1 where one does not hold: that about goodput by the median of the rounds. Where others use the
machine, `--first` (root) runs both before them, by their niceness: in a real-time class no thread of the server would interrupt
another. Needs Python 3.11 and Linux; nothing else.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

CONNECTIONS = 4
CRITICAL_SHARE = 0.02
WARMUP_SECONDS = 1.0
LEAST_SHARE = 0.9


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="target/release/parcel-risk")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the server")
    parser.add_argument("--ledger", metavar="FILE", help="record decisions in it; without it there is no ledger")
    parser.add_argument("--batch", type=int, default=100, help="parcels in a call; 1: ScoreParcel")
    parser.add_argument("--in-flight", type=int, default=8, help="calls at once for the capacity; fewer than are refused")
    parser.add_argument("--explanation", default="reasons")
    parser.add_argument("--times", type=float, default=10.0, help="capacity offered, times")
    parser.add_argument("--seconds", type=float, default=30.0, help="of the overload")
    parser.add_argument("--server-cpu", default="0")
    parser.add_argument("--client-cpu", default="1")
    parser.add_argument("--first", action="store_true", help="run both before all others, by a niceness of -20")
    parser.add_argument("--rounds", type=int, default=1)
    return parser.parse_args()


def start(args, cpu, command, **settings):
    """Starts a program on one core; taskset becomes it, so the process is its own."""
    # In a session of its own, which is what the kernel weighs where it groups processes by session.
    process = subprocess.Popen(
        ["taskset", "-c", cpu, *command], stdout=subprocess.PIPE, text=True, start_new_session=True, **settings
    )
    if args.first:
        os.setpriority(os.PRIO_PROCESS, process.pid, -20)
        group = Path(f"/proc/{process.pid}/autogroup")
        if group.exists():
            group.write_text("-20")
    return process


class Bench:
    """The client, against one server."""

    def __init__(self, args, endpoint, pid):
        method = ["--method", "batch", "--batch", str(args.batch)] if args.batch > 1 else ["--method", "unary"]
        self.args = args
        self.command = [args.binary, "bench", "--endpoint", endpoint, "--server-pid", str(pid), *method]
        self.command += ["--explanation", args.explanation, "--connections", str(CONNECTIONS), "--threads", "2"]
        self.command += ["--critical-share", str(CRITICAL_SHARE), "--parcels", "5000", "--format", "json"]
        self.lead_seconds = 0.0

    def start(self, seconds, warmup, *load):
        command = [*self.command, "--seconds", str(seconds), "--warmup-seconds", str(warmup), *load]
        return start(self.args, self.args.client_cpu, command)

    def run(self, seconds, *load):
        began = time.monotonic()
        measured = result(self.start(seconds, WARMUP_SECONDS, *load))
        # From its start to its first call, and from its last to its end.
        self.lead_seconds = time.monotonic() - began - WARMUP_SECONDS - seconds
        return measured


def result(process):
    text, _ = process.communicate()
    if process.returncode:
        sys.exit(f"the client failed: {' '.join(process.args)}")
    return json.loads(text)


def p99_ms(measured):
    """Of answered calls, usual and critical alike: the worse of both."""
    classes = [measured["usual"], measured["critical"]]
    return max(kind["answered_within"]["p99_micros"] for kind in classes) / 1e3


def show(name, measured):
    offered = measured["offered_per_second"]
    offered = f" of {offered:.0f} offered" if offered else ""
    calls = {kind: measured[kind]["calls"] for kind in ("usual", "critical")}
    late = measured["sent_late_p99_micros"]
    print(f"{name}: {measured['goodput_per_second']:.1f} calls/s answered{offered}, p99 {p99_ms(measured):.1f} ms; {calls}")
    refused = max(measured[kind]["refused_within"]["p99_micros"] for kind in ("usual", "critical")) / 1e3
    if refused:
        print(f"    refused within {refused:.1f} ms (p99)")
    memory = ", ".join(f"{mib:.0f}" for mib in measured["server_resident_mib"])
    print(f"    server {measured['server_cores']:.2f} cores, {memory} MiB at the start, at the end, at most", end="")
    print(f"; sent up to {late / 1e3:.1f} ms late (p99)" if late else "", flush=True)


def serve(args):
    settings = {f"PARCEL_RISK_{key.upper().replace('.', '_')}": value for key, value in (s.split("=", 1) for s in args.set)}
    command = [args.binary, "serve", "--listen", "127.0.0.1:0", *(["--ledger", args.ledger] if args.ledger else [])]
    process = start(args, args.server_cpu, command, env={**os.environ, "PARCEL_RISK_LOG": "warn", **settings})
    line = process.stdout.readline().strip()
    if not line.startswith("listening on "):
        sys.exit("the server does not start")
    return process, "http://" + line.removeprefix("listening on ")


def capacity(bench):
    # As many as are let in: what is refused in a closed loop comes back at once, and takes the server's time.
    measured = bench.run(10, "--in-flight", str(bench.args.in_flight))
    show(f"capacity, {bench.args.in_flight} in flight", measured)
    return measured["goodput_per_second"]


def one_round(args):
    server, endpoint = serve(args)
    try:
        bench = Bench(args, endpoint, server.pid)
        per_second = capacity(bench)
        usual = bench.run(20, "--rate", str(0.8 * per_second))
        show("80 % of it", usual)

        rate = str(args.times * per_second)
        began = time.monotonic()
        overload = bench.start(args.seconds, WARMUP_SECONDS, "--rate", rate)
        # The load after it begins before its end, unmeasured, and is measured from a second after the end on.
        ends = began + bench.lead_seconds + WARMUP_SECONDS + args.seconds
        time.sleep(max(0.0, ends - 2.0 - time.monotonic()))
        warmup = ends + 1.0 - time.monotonic() - bench.lead_seconds
        after_seconds = 5.0
        after = bench.start(after_seconds, max(0.1, warmup), "--rate", str(0.5 * per_second))
        measured = result(overload)
        ended = time.monotonic()
        after = result(after)
        gap = time.monotonic() - after_seconds - ended
        show(f"{args.times:g} times it, {args.seconds:g} s", measured)
        show(f"half of it, from {gap:.1f} s after the end on", after)
        # A machine that others use too is not as fast now as it was a minute ago: before and after, the mean.
        per_second = (per_second + capacity(bench)) / 2
    finally:
        server.terminate()
        server.wait()
    return verdicts(per_second, usual, measured, after)


def verdicts(per_second, usual, overload, after):
    share = overload["goodput_per_second"] / per_second
    ratio = p99_ms(overload) / p99_ms(usual)
    critical = overload["critical"]["calls"]
    refused = sum(n for code, n in critical.items() if code != "OK")
    first, last, most = overload["server_resident_mib"]
    failed = sum(n for kind in ("usual", "critical") for code, n in after[kind]["calls"].items() if code != "OK")
    claims = [
        (f"goodput is {share:.1%} of capacity", f"at least {LEAST_SHARE:.0%}", share >= LEAST_SHARE),
        (f"p99 of answered calls is {ratio:.2f} times that at 80 %", "at most 2", ratio <= 2.0),
        (f"{refused} of {sum(critical.values())} critical calls were refused", "none", refused == 0),
        (f"memory went from {first:.0f} to {last:.0f} MiB, at most {most:.0f}", "within a tenth", most <= 1.1 * first),
        (f"{failed} calls failed afterwards, p99 {p99_ms(after):.1f} ms", "none, and no slower than at 80 %",
         failed == 0 and p99_ms(after) <= p99_ms(usual)),
    ]
    for what, wanted, holds in claims:
        print(f"{'holds' if holds else 'FAILS'}  {what} ({wanted})")
    late = overload["sent_late_p99_micros"] / 1e3
    if late > p99_ms(overload) / 4:
        print(f"doubt  calls were sent up to {late:.0f} ms late: the client was too slow for this load")
    # The first is held over all rounds: it is a quotient of two speeds of the machine.
    return share, all(holds for _, _, holds in claims[1:])


def main():
    args = arguments()
    shares, held = [], True
    for n in range(args.rounds):
        print(f"round {n + 1} of {args.rounds}; load average {os.getloadavg()[0]:.1f}")
        share, others_hold = one_round(args)
        shares.append(share)
        held &= others_hold
    share = statistics.median(shares)
    print(f"all rounds: goodput is {share:.1%} of capacity, by the median of {', '.join(f'{one:.1%}' for one in sorted(shares))}")
    sys.exit(0 if held and share >= LEAST_SHARE else 1)


if __name__ == "__main__":
    main()

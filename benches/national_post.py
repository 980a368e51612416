#!/usr/bin/env python3
"""What one server does with a country's post: a long past, a steady load, and all that befalls it, in as much memory as it is given.

usage: benches/national_post.py --work DIR [--binary target/release/parcel-risk] [--parcels 4000000] [--memory-gib 6]

Simulates a past and imports it, then serves under a load that never stops, while the ledger is verified, exported and copied, a
model is staged, promoted and rolled back, the policy is read anew, metrics are scraped, and the server is stopped, and killed.
Prints what each step took, and a verdict for each claim; ends with 1 where one does not hold. With four million parcels: half
an hour on two cores, and 12 GB in DIR, of which nothing is left. As root on Linux with cgroups all that is started has no more
memory than is said, pages of files included, as in a container; else it is only measured. Needs Python 3.11 and nothing else.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

LONGEST_ANSWER_SECONDS = 0.5
LONGEST_SCRAPE_SECONDS = 0.5
LONGEST_START_SECONDS = 10.0
DAYS = 60
# What is claimed is that a model can take over, and not that two small ones of one table are alike.
CONFIG = """
[admin]
listen = "127.0.0.1:0"
[serve]
listen = "127.0.0.1:0"
[ledger]
path = "ledger.db"
[policy]
file = "policy.toml"
[registry]
path = "registry"
allow_unsigned = true
[gate]
max_score_shift = 100.0
max_route_shift = 1.0
max_latency_ratio = 1000.0
"""
POLICY = """
key_file = "control.key"
[thresholds]
documents_from_risk_score = 0.1
open_from_risk_score = 0.5
[random_control]
share = 0.001
route = "open"
"""


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", required=True, type=Path, help="where the ledger is to be: on a disk that may be loaded")
    parser.add_argument("--binary", default="target/release/parcel-risk")
    parser.add_argument("--parcels", type=int, default=4_000_000, help=f"of the past, over {DAYS} days")
    parser.add_argument("--rate", type=float, default=300.0, help="parcels a second")
    parser.add_argument("--memory-gib", type=float, default=6.0, help="that each process may have; deploy/ gives a server 6")
    return parser.parse_args()


class Memory:
    """A limit of memory for processes that enter it: a cgroup of the first or the second version. Without one there is none."""

    def __init__(self, gib=None):
        self.group = None
        if gib is None:
            return
        first = Path("/sys/fs/cgroup/memory")
        parent, limit = (first, "memory.limit_in_bytes") if first.is_dir() else (Path("/sys/fs/cgroup"), "memory.max")
        self.group = parent / f"national-post-{os.getpid()}"
        try:
            self.group.mkdir()
            (self.group / limit).write_text(str(int(gib * 2**30)))
        except OSError as error:
            print(f"memory is measured, and not held to a limit: {error}")
            self.drop()
            self.group = None

    def enter(self):
        if self.group:
            (self.group / "cgroup.procs").write_text(str(os.getpid()))

    def drop(self):
        if self.group:
            with contextlib.suppress(OSError):
                self.group.rmdir()


class Run:
    """A process, the time since it began, and the most memory that it had, looked at ten times a second."""

    def __init__(self, memory, command, work, log=subprocess.PIPE):
        self.began, self.n_kib = time.monotonic(), 0
        self.process = subprocess.Popen(
            list(map(str, command)), cwd=work, stdout=subprocess.PIPE, stderr=log, text=True, preexec_fn=memory.enter
        )
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        status = Path(f"/proc/{self.process.pid}/status")
        with contextlib.suppress(OSError, StopIteration):
            while True:
                text = status.read_text().splitlines()
                self.n_kib = int(next(line.split()[1] for line in text if line.startswith("VmHWM")))
                time.sleep(0.1)

    def seconds(self):
        return time.monotonic() - self.began

    def said(self):
        """Its standard output, when it has ended well."""
        out, err = self.process.communicate()
        if self.process.returncode:
            sys.exit(f"{' '.join(self.process.args)} ended with {self.process.returncode}:\n{out}{err or ''}")
        return out


class Trial:
    """The server, its ledger, and what was claimed of them so far."""

    def __init__(self, args, work, memory):
        self.args, self.work, self.memory = args, work, memory
        self.binary = Path(args.binary).resolve()
        self.held, self.n_answered, self.scrapes = True, 0, []
        self.server = self.endpoint = None

    def claim(self, what, wanted, holds):
        self.held &= holds
        print(f"{'holds' if holds else 'FAILS'}  {what} ({wanted})", flush=True)

    def run(self, name, *command):
        """Runs a command of the program to its end; what it said."""
        run = Run(self.memory, [self.binary, *command], self.work)
        said = run.said()
        print(f"{name}: {run.seconds():.1f} s, {run.n_kib / 1024:.0f} MiB at most", flush=True)
        return said

    def prepare(self):
        n = self.args.parcels
        self.run("the past", "simulate", "--parcels", n, "--days", DAYS, "--labels", "inspected", "--out", "past")
        self.run("other post", "simulate", "--parcels", max(20_000, n // 40), "--days", 8, "--seed", 2, "--out", "other")
        for seed in (1, 2):
            name = f"model-{seed}"
            self.run(f"training, seed {seed}", "train", "--data", "other/parcels.parquet", "--name", "post", "--seed", seed, "--out", name)
            version = json.loads((self.work / name / "manifest.json").read_text())["version"]
            shutil.copytree(self.work / name, self.work / "registry" / "post" / version)
            self.second = version
        self.run("import", "ledger", "import", "--ledger", "ledger.db", "--data", "past/parcels.parquet", "--model", "model-1")
        key = os.open(self.work / "control.key", os.O_WRONLY | os.O_CREAT, 0o600)
        os.write(key, os.urandom(32))
        os.close(key)
        (self.work / "policy.toml").write_text(POLICY)
        (self.work / "config.toml").write_text(CONFIG)

    def start(self, when, *more):
        """Starts the server, and waits until it answers; the seconds that took."""
        log = open(self.work / "log", "a", encoding="utf-8")
        run = Run(self.memory, [self.binary, "serve", "--config", "config.toml", *more], self.work, log)
        lines = [run.process.stdout.readline().strip() for _ in range(2)]
        seconds = run.seconds()
        print(f"start {when}: {seconds:.1f} s, {run.n_kib / 1024:.0f} MiB at most", flush=True)
        said = dict(line.rsplit(" ", 1) for line in lines if line)
        self.endpoint, self.admin, self.server = "http://" + said["listening on"], said["admin on"], run
        return seconds

    def load(self, seconds):
        """Parcels at the rate, from now on. The client is not held to the limit: it is somebody else's."""
        command = [self.binary, "bench", "--endpoint", self.endpoint, "--rate", self.args.rate, "--connections", 4]
        command += ["--seconds", seconds, "--warmup-seconds", 0.1, "--format", "json"]
        return Run(Memory(), command, self.work)

    def measured(self, name, load):
        """What became of a load: its calls by their status, and the longest answer in seconds."""
        usual = json.loads(load.said())["usual"]
        calls, longest = usual["calls"], usual["answered_within"]["max_micros"] / 1e6
        p99 = usual["answered_within"]["p99_micros"] / 1e3
        self.n_answered += calls.get("OK", 0)
        print(f"{name}: {calls}, p99 {p99:.1f} ms, {longest * 1e3:.0f} ms at most", flush=True)
        return calls, longest

    def scrape(self, is_over):
        """Asks for metrics each second."""
        while not is_over.wait(1.0):
            began = time.monotonic()
            with urllib.request.urlopen(self.admin + "/metrics", timeout=30) as answer:
                answer.read()
            self.scrapes.append(time.monotonic() - began)

    # -- what befalls it

    def at_work(self):
        """All that is done beside a server, while it serves."""
        load, is_over = self.load(60 + self.args.parcels // 20_000), threading.Event()
        scrapes = threading.Thread(target=self.scrape, args=(is_over,))
        scrapes.start()
        self.run("verify", "ledger", "verify", "--ledger", "ledger.db")
        shutil.copyfile(self.work / "ledger.db", self.work / "copy.db")
        self.run("verify a copy", "ledger", "verify", "--ledger", "copy.db")
        (self.work / "copy.db").unlink()
        self.run("export", "ledger", "export", "--ledger", "ledger.db", "--out", "export.parquet")
        (self.work / "policy.toml").write_text(POLICY.replace("0.1", "0.2"))
        self.server.process.send_signal(signal.SIGHUP)
        digest = self.run("stage", "model", "stage", "--server", self.endpoint, "post", self.second).split("sha256:")[1].strip()
        self.run("promote", "model", "promote", "--server", self.endpoint, digest)
        time.sleep(5.0)
        self.run("roll back", "model", "rollback", "--server", self.endpoint)
        went_on = load.process.poll() is None
        calls, longest = self.measured("under all that", load)
        is_over.set()
        scrapes.join()
        self.claim("the load went on until all was done", "or nothing is said of the rest", went_on)
        self.claim(f"{sum(calls.values()) - calls.get('OK', 0)} calls failed", "none", set(calls) == {"OK"})
        for seconds, what, most in [
            (longest, "answer", LONGEST_ANSWER_SECONDS),
            (max(self.scrapes), "look at the metrics", LONGEST_SCRAPE_SECONDS),
        ]:
            self.claim(f"{seconds * 1e3:.0f} ms for the longest {what}", f"at most {most * 1e3:g}", seconds <= most)

    def ended(self, how, by):
        """Ends the server under load, and starts it again."""
        load = self.load(12)
        time.sleep(8.0)
        self.server.process.send_signal(by)
        self.server.process.wait()
        print(f"{how}: gone {'at once' if by == signal.SIGKILL else 'with exit code %d' % self.server.process.returncode}; "
              f"it had {self.server.n_kib / 1024:.0f} MiB at most")
        self.measured(f"calls about {how}", load)
        seconds = self.start(f"after {how}")
        self.claim(f"{seconds:.1f} s for a start after {how}", f"at most {LONGEST_START_SECONDS:g}", seconds <= LONGEST_START_SECONDS)

    def whole(self):
        """Whether the ledger holds all that was answered, and makes it again."""
        self.server.process.terminate()
        self.server.process.wait()
        models = ["--model", "model-1", "--model", "model-2"]
        said = self.run("make every decision again", "ledger", "verify", "--ledger", "ledger.db", "--rescore", *models)
        print(said, end="")
        n_recorded = int(said.split(" decisions")[0].split()[-1])
        self.claim(f"{n_recorded} decisions are on record, of {self.n_answered} answers that were counted", "as many or more",
                   n_recorded >= self.n_answered)

    def go(self):
        self.prepare()
        self.start("on the import", "--model", "model-1")
        self.at_work()
        self.ended("a stop", signal.SIGTERM)
        self.ended("a kill", signal.SIGKILL)
        self.whole()


def main():
    args = arguments()
    args.work.mkdir(parents=True, exist_ok=True)
    memory = Memory(args.memory_gib)
    with tempfile.TemporaryDirectory(dir=args.work) as work:
        trial = Trial(args, Path(work), memory)
        try:
            trial.go()
        finally:
            if trial.server and trial.server.process.poll() is None:
                trial.server.process.kill()
                trial.server.process.wait()
            memory.drop()
    sys.exit(0 if trial.held else 1)


if __name__ == "__main__":
    main()

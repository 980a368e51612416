#!/usr/bin/env python3
"""Makes the Python stubs of the contract: `generate.py [DIRECTORY]`, by default `gen` beside this file."""

import sys
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

HERE = Path(__file__).resolve().parent


def generate(out: Path) -> int:
    """Writes messages, type hints and services under `out`; returns protoc's exit code."""
    proto = HERE.parent.parent / "proto"
    out.mkdir(parents=True, exist_ok=True)
    return protoc.main(
        ["protoc", f"-I{proto}", f"-I{files('grpc_tools') / '_proto'}"]
        + [f"--{kind}_out={out}" for kind in ("python", "pyi", "grpc_python")]
        + sorted(str(file) for file in proto.rglob("*.proto"))
    )


if __name__ == "__main__":
    if len(sys.argv) > 2 or sys.argv[1:2] in (["-h"], ["--help"]):
        sys.exit(__doc__)
    sys.exit(generate(Path(sys.argv[1]) if len(sys.argv) == 2 else HERE / "gen"))

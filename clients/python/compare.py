#!/usr/bin/env python3
"""Compares two files of decisions, one JSON object a line: `compare.py A B`.

Values must be equal exactly; only what proto3 JSON leaves open may differ: the order of keys, how a number is written
(1, 1.0, 1e0), and 64-bit integers as strings. Prints the first difference and how many lines differ.
Exit 0: equal; 1: not; 2: not to be compared.
"""

import json
import re
import sys
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any


def difference(a: Any, b: Any, path: str = "") -> str | None:
    """The first difference as a text; None where both are equal."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in [*a, *(key for key in b if key not in a)]:
            inner = f"{path}.{key}".lstrip(".")
            if key not in a or key not in b:
                return f"{inner}: only in the {'first' if key in a else 'second'}"
            if found := difference(a[key], b[key], inner):
                return found
        return None
    if isinstance(a, list) and isinstance(b, list):
        for idx, (one, other) in enumerate(zip(a, b)):
            if found := difference(one, other, f"{path}[{idx}]"):
                return found
        return None if len(a) == len(b) else f"{path}: {len(a)} entries, and {len(b)}"
    return None if is_equal(a, b) else f"{path}: {json.dumps(a)}, and {json.dumps(b)}"


def is_equal(a: Any, b: Any) -> bool:
    if is_number(a) and isinstance(b, str):
        a, b = b, a
    if isinstance(a, str) and is_number(b):
        return re.fullmatch(r"-?[0-9]+", a) is not None and int(a) == b
    return (type(a) is type(b) or (is_number(a) and is_number(b))) and a == b


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def lines_of(path: str) -> Iterator[Any]:
    with open(path, encoding="utf-8") as lines:
        for idx, line in enumerate(lines):
            try:
                yield json.loads(line)
            except ValueError as err:
                sys.stderr.write(f"{path}: line {idx + 1}: {err}\n")
                sys.exit(2)


def main() -> int:
    if len(sys.argv) != 3 or sys.argv[1].startswith("-"):
        sys.stderr.write(__doc__)
        return 2
    n_lines = n_differ = 0
    absent = object()
    for a, b in zip_longest(lines_of(sys.argv[1]), lines_of(sys.argv[2]), fillvalue=absent):
        n_lines += 1
        if a is absent or b is absent:
            found = f"only in the {'second' if a is absent else 'first'}"
        else:
            found = difference(a, b)
        if found:
            n_differ += 1
            if n_differ == 1:
                print(f"line {n_lines}: {found}")
    print(f"{n_lines} lines, {n_differ} differ")
    return 1 if n_differ else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OSError as err:
        sys.stderr.write(f"{err}\n")
        sys.exit(2)

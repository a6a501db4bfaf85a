#!/usr/bin/env python3
"""The conformance matrix from the results of `chaos run`:

    scenarios/clients/matrix.py RESULTS.json... > scenarios/clients/MATRIX.md

Give it any number of results, of one client each or of several, and of as many runs
as there are. An inconclusive run says nothing, so it counts only in a cell in which
no other does; where those that do say something do not agree, the cell says how many
said what. The same results give the same table to the byte, in whatever order.
"""

import json
import re
import sys
import tomllib
from collections import Counter, defaultdict
from pathlib import Path

WORDS = ("passed", "failed", "not applicable", "inconclusive")
VARIES = "varies"


def by_number(case):
    """R4 before R10, and R10 before R10-late."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", case)]


def read(paths):
    """{case: {client: [(word, failed checks), one for each run]}}, and the titles."""
    cells, titles = defaultdict(lambda: defaultdict(list)), {}
    for path in paths:
        for run in json.loads(Path(path).read_text())["scenarios"]:
            word = run["verdict"].replace("_", " ")
            failed = sorted(c["name"] for c in run["checks"] if c["result"] == "failed")
            # Whom a folder names stands with its whole path.
            client = run["client"].rstrip("/").split("/")[-1]
            cells[run["id"]][client].append((word, failed if word == "failed" else []))
            titles[run["id"]] = run["title"]
    return cells, titles


def telling(runs):
    """Those that say something; all, if none does."""
    return [run for run in runs if run[0] != "inconclusive"] or runs


def word_of(runs):
    words = {word for word, _ in telling(runs)}
    return words.pop() if len(words) == 1 else VARIES


def cell(runs):
    if not runs:
        return "–"
    checks = " ".join(sorted({f"`{name}`" for _, failed in runs for name in failed}))
    if word_of(runs) == VARIES:
        counts = Counter(word for word, _ in telling(runs))
        words = ", ".join(f"{counts[word]} {word}" for word in WORDS if counts[word])
        return f"varies: {words} {checks}".strip()
    return f"**failed** {checks}" if word_of(runs) == "failed" else word_of(runs)


def version(client):
    """As its client.toml says; nothing for one that has none, such as sim."""
    path = Path(__file__).parent / client / "client.toml"
    return tomllib.loads(path.read_text())["version"] if path.is_file() else ""


def table(cells, titles):
    clients = sorted({client for row in cells.values() for client in row})
    yield "| scenario | " + " | ".join(f"{c} {version(c)}".strip() for c in clients) + " |"
    yield "|---" * (len(clients) + 1) + "|"
    for case in sorted(cells, key=by_number):
        row = [cell(cells[case].get(client)) for client in clients]
        title = titles[case].replace('"', "'")
        yield f'| [{case}](../catalogue/{case}.toml "{title}") | ' + " | ".join(row) + " |"
    sums = {c: Counter(word_of(r[c]) for r in cells.values() if c in r) for c in clients}
    for word in (*WORDS, VARIES):
        yield f"| *{word}* | " + " | ".join(f"*{sums[c][word]}*" for c in clients) + " |"


def main():
    cells, titles = read(sys.argv[1:])
    all_runs = [runs for row in cells.values() for runs in row.values()]
    told = sum(len(telling(r)) for r in all_runs if word_of(r) != "inconclusive")
    twice = sum(len(telling(r)) > 1 and word_of(r) != "inconclusive" for r in all_runs)
    print("# What every client did in every built-in scenario\n")
    print("Made by [matrix.py](matrix.py); why what failed did fail stands in")
    print("[FINDINGS.md](FINDINGS.md). Behind it are "
          f"{sum(map(len, all_runs))} runs, of which {told} say something; {twice} cells")
    print("have more than one of these. A cell in which they did not agree says so.\n")
    print("\n".join(table(cells, titles)))


main()

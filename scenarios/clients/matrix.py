#!/usr/bin/env python3
"""The conformance matrix from the results of `chaos run`:

    scenarios/clients/matrix.py RESULTS.json... > scenarios/clients/MATRIX.md
    scenarios/clients/matrix.py --html matrix.html RESULTS.json... > …/MATRIX.md

Give it any number of results, of one client each or of several, and of as many runs
as there are. An inconclusive run says nothing, so it counts only in a cell in which
no other does; where those that do say something do not agree, the cell says how many
said what. The same results give the same table to the byte, in whatever order.

What a case weighs is in levels.toml; it must have every case of the catalogue, and
no other. `--html` writes the same as one page besides, with what is behind each cell.
"""

import argparse
import json
import re
import sys
import tomllib
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
WORDS = ("passed", "failed", "not applicable", "inconclusive")
VARIES = "varies"
LEVELS = ("MUST", "SHOULD", "MAY")


@dataclass
class Run:
    """One run of one case, as far as it is shown."""

    word: str
    seed: int
    repeat: str
    journal: Path  # which may not be there
    failed: dict[str, str] = field(default_factory=dict)  # the checks, and each one's sentence
    reasons: list[str] = field(default_factory=list)  # why there is no verdict


def by_number(case):
    """R4 before R10, and R10 before R10-late."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", case)]


def levels():
    """{case: {"level", "rests_on"}}, in step with the catalogue."""
    found = tomllib.loads((HERE / "levels.toml").read_text())
    cases = {path.stem for path in (HERE / "../catalogue").glob("*.toml")}
    for case in sorted(cases - found.keys(), key=by_number):
        sys.exit(f"levels.toml has no entry for {case}, which is a case of the catalogue")
    for case in sorted(found.keys() - cases, key=by_number):
        sys.exit(f"levels.toml has an entry for {case}, which is no case of the catalogue")
    for case, entry in found.items():
        if entry.get("level") not in LEVELS or not entry.get("rests_on"):
            sys.exit(f"levels.toml: {case} needs a level of {LEVELS}, and what it rests on")
    return found


def read_run(run, folder):
    # Whom a folder names stands with its whole path.
    client = run["client"].rstrip("/").split("/")[-1]
    word = run["verdict"].replace("_", " ")
    failed = {c["name"]: c["why"] for c in run["checks"] if c["result"] == "failed"}
    journal = folder / run["id"] / client / str(run["seed"]) / "journal.jsonl"
    shown = failed if word == "failed" else {}
    return client, Run(word, run["seed"], run["repeat"], journal, shown, run["reasons"])


def read(paths):
    """{case: {client: [a Run for each]}}, and the titles."""
    cells, titles = defaultdict(lambda: defaultdict(list)), {}
    for path in map(Path, sorted(paths)):
        for entry in json.loads(path.read_text())["scenarios"]:
            client, run = read_run(entry, path.parent)
            cells[entry["id"]][client].append(run)
            titles[entry["id"]] = entry["title"]
    return cells, titles


def telling(runs):
    """Those that say something; all, if none does."""
    return [run for run in runs if run.word != "inconclusive"] or runs


def word_of(runs):
    words = {run.word for run in telling(runs)}
    return words.pop() if len(words) == 1 else VARIES


def words_of(runs):
    """The word, or how many said which."""
    if word_of(runs) != VARIES:
        return word_of(runs)
    counts = Counter(run.word for run in telling(runs))
    return "varies: " + ", ".join(f"{counts[word]} {word}" for word in WORDS if counts[word])


def cell(runs):
    if not runs:
        return "–"
    checks = [f"`{name}`" for name in sorted({name for run in runs for name in run.failed})]
    word = words_of(runs)
    return " ".join([f"**{word}**" if word == "failed" else word, *checks])


def clients_of(cells):
    return sorted({client for row in cells.values() for client in row})


def sums(cells, weights):
    """{(level, word): {client: how many cells}}; never one number for a client."""
    counts = defaultdict(Counter)
    for case, row in cells.items():
        for client, runs in row.items():
            counts[weights[case]["level"], word_of(runs)][client] += 1
    order = [(level, word) for level in LEVELS for word in (*WORDS, VARIES)]
    return {key: counts[key] for key in order if key in counts}


def version(client):
    """As its client.toml says; nothing for one that has none, such as sim."""
    path = HERE / client / "client.toml"
    return tomllib.loads(path.read_text())["version"] if path.is_file() else ""


def named(client):
    return f"{client} {version(client)}".strip()


def quoted(text):
    """What Markdown would read as more than text, in a cell or a title of a link."""
    return text.replace("|", "\\|").replace('"', "'").replace("\n", " ")


def table(cells, titles, weights):
    clients = clients_of(cells)
    yield "| scenario | level | " + " | ".join(map(named, clients)) + " |"
    yield "|---" * (len(clients) + 2) + "|"
    for case in sorted(cells, key=by_number):
        link = f'[{case}](../catalogue/{case}.toml "{quoted(titles[case])}")'
        row = [link, weights[case]["level"], *(cell(cells[case].get(client)) for client in clients)]
        yield "| " + " | ".join(row) + " |"
    for (level, word), counts in sums(cells, weights).items():
        yield f"| *{level} {word}* | | " + " | ".join(f"*{counts[c]}*" for c in clients) + " |"


def seconds(times):
    """`3 s`, or `1.2–5.1 s` where they differ."""
    first, last = (f"{times[key] / 1e6:.1f}".removesuffix(".0") for key in ("min_us", "max_us"))
    return f"{last} s" if first == last else f"{first}–{last} s"


WITHOUT = {"gave_up": "gave up", "never": "never"}


def figure(measured, key=None):
    """What was measured, and of how many clients there was nothing to measure."""
    times = measured["times"]
    if key and times:
        times = {"min_us": times[key], "max_us": times[key]}
    without = {said: measured[key] for key, said in WITHOUT.items() if measured[key]}
    if not times and len(without) == 1:
        return next(iter(without))  # all of them
    told = [seconds(times)] if times else []
    return "; ".join(told + [f"{count} {said}" for said, count in without.items()]) or "–"


def reactions(profile, prefix):
    """What it does on the kinds of end of this prefix: the waits of all after which it
    dials again, and those after which something else becomes of it."""
    waits, others = [], defaultdict(list)
    for reaction in profile["reactions"]:
        kind, redial = reaction["to"], reaction["redial"]
        if not kind.startswith(prefix):
            continue
        if redial["gave_up"] or redial["never"]:
            others[figure(redial)].append(kind.removeprefix(prefix))
        elif redial["times"]:
            waits.append(redial["times"])
    told = [f"{', '.join(kinds)}: {what}" for what, kinds in others.items()]
    if waits:
        first, last = min(w["min_us"] for w in waits), max(w["max_us"] for w in waits)
        told.insert(0, seconds({"min_us": first, "max_us": last}))
    return "; ".join(told) or "–"


def growth(factor):
    """By how much each wait is longer; after none at all no factor says anything."""
    if factor is None:
        return "–"
    return f"× {factor:g}" if factor < 1000 else "from none"


RETRY_AFTER = {True: "kept", False: "not read", None: "not known"}
PROFILE = {
    "first delay": lambda p: figure(p["first_delay"]),
    "growth": lambda p: growth(p["growth"]),
    "longest delay": lambda p: figure(p["delays"], "max_us"),
    "jitter": lambda p: "–" if p["jitter"] is None else f"{p['jitter']:.0%}",
    "bound of a dial": lambda p: figure(p["dial_bound"], "max_us"),
    "notices silence": lambda p: figure(p["liveness"], "max_us"),
    "notices that it is not heard": lambda p: figure(p["upstream_liveness"], "max_us"),
    "on FIN": lambda p: reactions(p, "fin"),
    "on RST": lambda p: reactions(p, "reset"),
    "on close codes": lambda p: reactions(p, "close-"),
    "on statuses": lambda p: reactions(p, "status-"),
    "Retry-After": lambda p: RETRY_AFTER[p["reads_retry_after"]],
}


def profiles():
    """{client: its profile.json}, of all that have one."""
    paths = sorted(HERE.glob("*/profile.json"))
    return {path.parent.name: json.loads(path.read_text()) for path in paths}


def profile_table(found):
    yield "| client | " + " | ".join(PROFILE) + " |"
    yield "|---" * (len(PROFILE) + 1) + "|"
    for client, profile in found.items():
        told = f"[{client}]({client}/profile.json) {profile['client_version']}"
        yield f"| {told} | " + " | ".join(tell(profile) for tell in PROFILE.values()) + " |"


def markdown(cells, titles, weights):
    all_runs = [runs for row in cells.values() for runs in row.values()]
    told = sum(len(telling(r)) for r in all_runs if word_of(r) != "inconclusive")
    twice = sum(len(telling(r)) > 1 and word_of(r) != "inconclusive" for r in all_runs)
    yield "# What every client did in every built-in scenario\n"
    yield "Made by [matrix.py](matrix.py); why what failed did fail stands in"
    yield f"[FINDINGS.md](FINDINGS.md). Behind it are {sum(map(len, all_runs))} runs, of which"
    yield f"{told} say something; {twice} cells have more than one of these. A cell in which they did"
    yield "not agree says so. What MUST, SHOULD and MAY mean, and what each rests on, stands"
    yield "in [levels.toml](levels.toml).\n"
    yield from table(cells, titles, weights)
    yield "\n## What was measured of each\n"
    yield "By `chaos profile`, the shortest and the longest where they differ. Of close codes and"
    yield "statuses: the waits before the next dial, and after which of them there is none. –: not to be"
    yield "had of this client, as it reports or with its server.\n"
    yield from profile_table(profiles())


def main():
    arguments = argparse.ArgumentParser(description="The matrix of results of `chaos run`.")
    arguments.add_argument("--html", metavar="FILE", type=Path, help="write the page, too")
    arguments.add_argument("results", nargs="+", metavar="RESULTS.json")
    given = arguments.parse_args()
    weights = levels()
    cells, titles = read(given.results)
    for case in sorted(cells.keys() - weights.keys(), key=by_number):
        sys.exit(f"the results tell of {case}, which is no case of the catalogue")
    print("\n".join(markdown(cells, titles, weights)))
    if given.html:
        sys.dont_write_bytecode = True  # this folder is under version control
        import matrix_html

        given.html.write_text(matrix_html.page(cells, titles, weights, profiles()))


if __name__ == "__main__":
    main()

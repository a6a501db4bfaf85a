"""The matrix as one page that needs nothing else: cases × clients, and behind each cell
what did not hold, a timeline of it and the command that repeats it.

What it shows comes from journals and results, that is from strangers: every word of it
goes through `html.escape`. Without script the evidence stands below the table; with it,
in a dialog. Timelines are of failed cells alone, as the page would grow too large.
"""

import json
from html import escape
from urllib.parse import quote

from matrix import PROFILE, by_number, clients_of, figure, named, sums
from matrix import telling, word_of, words_of

CLIENTS_SHOWN = 6  # in a timeline
WIDTH, ROW = 480, 16

STYLE = """
:root { color-scheme: light dark; --ground: #fff; --text: #1a1a1a; --faint: #595959;
  --line: #c9c9c9; --head: #f0f0f0; --good: #dff1df; --bad: #f8d4d0; --none: #f4f4f4;
  --live: #2f7d4f; --dial: #9a9a9a; --fault: #f0b72f; --focus: #0b57d0 }
@media (prefers-color-scheme: dark) { :root { --ground: #161616; --text: #ececec;
  --faint: #ababab; --line: #444; --head: #242424; --good: #173a22; --bad: #5a1d1a;
  --none: #202020; --live: #4fb37a; --dial: #858585; --fault: #8a6410; --focus: #8ab4f8 } }
* { box-sizing: border-box }
body { margin: 0; padding: 1rem; font: 1rem/1.45 system-ui, sans-serif;
  color: var(--text); background: var(--ground) }
h1 { font-size: 1.4rem; margin: 0 0 .5rem } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem }
p { max-width: 44rem; margin: .5rem 0 }
a { color: inherit } :focus-visible { outline: 3px solid var(--focus); outline-offset: -1px }
.scroll { overflow: auto; max-height: 85vh; border: 1px solid var(--line);
  scroll-padding: 4.5rem 0 0 15.5rem } /* what gets the focus is not behind the heads */
table { border-collapse: separate; border-spacing: 0; font-size: .85rem }
caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }
th, td { padding: .3rem .5rem; border: solid var(--line); border-width: 0 1px 1px 0;
  text-align: left; vertical-align: top; background: var(--ground) }
thead th { position: sticky; top: 0; z-index: 2; background: var(--head) }
th[scope=row] { position: sticky; left: 0; z-index: 1; font-weight: normal; min-width: 15rem;
  max-width: 15rem; background: var(--head) }
thead th:first-child { left: 0; z-index: 3 }
th b { white-space: nowrap } th small { display: block; color: var(--faint) }
td a { display: block; min-width: 5rem; text-decoration: underline dotted }
td small { display: block } td li { white-space: nowrap }
.passed { background: var(--good) } .failed { background: var(--bad) }
.failed a { font-weight: bold } .other { background: var(--none) }
article { margin: 1rem 0; padding: 1rem; border: 1px solid var(--line) }
article h3 { margin: 0 0 .5rem; font-size: 1rem }
code { overflow-wrap: anywhere; font-size: .9em }
dialog { width: min(46rem, 96vw); max-height: 90vh; overflow: auto; padding: 1rem;
  color: inherit; background: var(--ground); border: 1px solid var(--line) }
dialog::backdrop { background: #0008 }
dialog article { margin: 0; padding: 0; border: 0 }
dialog button { font: inherit; padding: .3rem .9rem; margin-top: .8rem }
svg { display: block; width: 100%; height: auto; margin: .6rem 0 }
svg text { font: 10px system-ui, sans-serif; fill: var(--faint) }
.d { fill: var(--dial) } .l { fill: var(--live) } .f { fill: var(--fault); opacity: .75 }
@media (max-width: 40rem) { body { padding: .5rem } th[scope=row] small { display: none }
  th[scope=row] { min-width: 6.5rem; max-width: 6.5rem }
  .scroll { scroll-padding-left: 7rem } }
@media (forced-colors: active) { .d, .l, .f { forced-color-adjust: none } }
"""

SCRIPT = """
const evidence = document.getElementById("evidence");
const dialog = document.querySelector("dialog");
evidence.hidden = true;
document.addEventListener("click", (event) => {
  const link = event.target.closest("td a");
  if (!link || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const shown = document.getElementById(decodeURIComponent(link.hash.slice(1))).cloneNode(true);
  shown.removeAttribute("id");
  dialog.querySelector("div").replaceChildren(shown);
  dialog.showModal();
});
"""


def spans(path):
    """Of a journal: {client: [(from, until, class, what)]} in microseconds, and its end.
    Whatever is not as it should be is left out: it is a picture, and no verdict."""
    rows, open_at, now = {}, {}, 0

    def put(client, since, kind, what):
        rows.setdefault(client, []).append((since, now, kind, what))

    with path.open(encoding="utf-8", errors="replace") as lines:
        for event in map(json.loads, lines):
            now = event.get("t_us", now)
            client, what = event.get("client"), event.get("event")
            if event.get("from") != "proxy" or client is None:
                continue
            dial = (client, event.get("attempt"))
            fault = (*dial, event.get("rule"), event.get("occurrence"))
            if what == "accepted":
                open_at[dial] = (now, "d")
            elif what == "upgraded" and dial in open_at and event.get("status") == 101:
                put(client, *open_at[dial], "dials")
                open_at[dial] = (now, "l")
            elif what == "closed" and dial in open_at:
                put(client, *open_at.pop(dial), "connected")
            elif what == "struck":
                open_at[fault] = (now, "f")
            elif what == "healed" and fault in open_at:
                put(client, *open_at.pop(fault), event["rule"])
    for key, (since, kind) in open_at.items():
        # A fault that never heals is a moment, such as a reset.
        until = since if kind == "f" else now
        rows.setdefault(key[0], []).append((since, until, kind, key[2] if kind == "f" else ""))
    return rows, now


def bars(row, y, end):
    """Those of one client, faults behind connections; what would cover another to the
    pixel is left out."""
    drawn = set()
    for since, until, kind, what in sorted(row, key=lambda span: (span[2] != "f", span[0])):
        x = round(since / end * WIDTH)
        width = max(2, round((until - since) / end * WIDTH))
        if (x, width, kind) in drawn:
            continue
        drawn.add((x, width, kind))
        top, height = (y, ROW - 2) if kind == "f" else (y + 4, ROW - 10)
        title = f"<title>{escape(what)}</title>" if kind == "f" else ""
        yield f'<rect class={kind} x={x} y={top} width={width} height={height}>{title}</rect>'


def timeline(journal):
    """A row for each client; nothing where there is no journal that can be read."""
    try:
        rows, end = spans(journal)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return ""
    if not rows or not end:
        return ""
    clients = sorted(rows, key=by_number)[:CLIENTS_SHOWN]
    inside = []
    for index, client in enumerate(clients):
        inside.append(f'<text x={WIDTH + 6} y={index * ROW + 11}>{escape(client)}</text>')
        inside += bars(rows[client], index * ROW, end)
    height = len(clients) * ROW + 14
    inside.append(f'<text y={height - 3}>0 s</text>')
    inside.append(f'<text x={WIDTH} y={height - 3} text-anchor=end>{end / 1e6:.1f} s</text>')
    faults = sorted({what for row in rows.values() for *_, kind, what in row if kind == "f"})
    named_faults = ", ".join(faults) or "no fault"
    told = f"Connections of {', '.join(clients)} over {end / 1e6:.1f} s; {named_faults}"
    others = len(rows) - len(clients)
    more = f" {others} more clients are not shown." if others else ""
    return (f'<svg role=img viewBox="0 0 {WIDTH + 40} {height}" aria-label="{escape(told)}">'
            + "".join(inside) + "</svg><p><small>Grey: dials. Green: connected. Yellow: "
            + f"{escape(named_faults)}.{more}</small></p>")


def evidence(case, client, runs, title, weight):
    shown = next((run for run in telling(runs) if run.failed), telling(runs)[0])
    yield f'<article id="{escape(case)}/{escape(client)}">'
    yield f"<h3>{escape(case)}, {escape(named(client))}: {escape(words_of(runs))}</h3>"
    yield f"<p>{escape(title)}.</p><p>{weight['level']}. {escape(weight['rests_on'])}</p>"
    failed = sorted(shown.failed.items())
    told = [f"<code>{escape(name)}</code>: {escape(why)}" for name, why in failed]
    told += map(escape, shown.reasons)
    if told:
        yield "<ul><li>" + "<li>".join(told) + "</ul>"
    if shown.failed:
        yield timeline(shown.journal)
    yield f"<p><code>{escape(shown.repeat)}</code></p></article>"


def cell(case, client, runs):
    if not runs:
        return "<td class=other>–</td>"
    word = word_of(runs)
    kind = word if word in ("passed", "failed") else "other"
    checks = sorted({name for run in runs for name in run.failed})
    told = "".join(f"<small>{escape(name)}</small>" for name in checks)
    link = f'<a href="#{quote(f"{case}/{client}")}" aria-haspopup=dialog>'
    return f"<td class={kind}>{link}{escape(words_of(runs))}</a>{told}</td>"


def scrolled(name, caption, heads, rows):
    """A table that is scrolled on its own, also by keyboard."""
    yield f'<div class=scroll role=region tabindex=0 aria-label="{escape(name)}">'
    yield f"<table><caption>{escape(caption)}</caption><thead><tr>"
    yield "".join(f"<th scope=col>{escape(head)}</th>" for head in heads) + "</tr></thead><tbody>"
    for head, inside in rows:
        yield f"<tr><th scope=row>{head}</th>{inside}</tr>"
    yield "</tbody></table></div>"


def case_rows(cells, titles, weights, clients):
    for case in sorted(cells, key=by_number):
        weight = weights[case]["level"]
        head = f"<b>{escape(case)}</b> {weight}<small>{escape(titles[case])}</small>"
        yield head, "".join(cell(case, client, cells[case].get(client)) for client in clients)


def sum_rows(cells, weights, clients):
    for (level, word), counts in sums(cells, weights).items():
        yield f"<b>{level}</b> {word}", "".join(f"<td>{counts[client]}</td>" for client in clients)


def profile_rows(profiles):
    for client, profile in profiles.items():
        ends = [f"<li>{escape(end['to'])}: {figure(end['redial'])}" for end in profile["reactions"]]
        head = f"<b>{escape(client)}</b> {escape(profile['client_version'])}"
        figures = "".join(f"<td>{escape(tell(profile))}</td>" for tell in PROFILE.values())
        each = f"<details><summary>waits</summary><ul>{''.join(ends)}</ul></details>"
        yield head, f"{figures}<td>{each}</td>"


def page(cells, titles, weights, profiles):
    clients = clients_of(cells)
    heads = list(map(named, clients))
    ordered = sorted(cells, key=by_number)
    articles = ("".join(evidence(case, client, cells[case][client], titles[case], weights[case]))
                for case in ordered for client in clients if client in cells[case])
    caption = "What every client did in every scenario; each word leads to what is behind it"
    return "\n".join([
        "<!doctype html><html lang=en><meta charset=utf-8>",
        '<meta name=viewport content="width=device-width, initial-scale=1">',
        f"<title>Reconnect conformance matrix</title><style>{STYLE}</style>",
        "<main><h1>What every client did in every built-in scenario</h1>",
        "<p>Each word leads to what is behind it: the sentences, a timeline where something",
        "failed, and the command that repeats it. MUST: without it a client never comes back,",
        "or harms the server or the data. SHOULD: it comes back, but later, more often, or more",
        "at once. MAY: a policy that is to be declared.</p>",
        *scrolled("Scenarios and clients", caption, ["scenario", *heads],
                  case_rows(cells, titles, weights, clients)),
        "<h2>By level</h2>",
        *scrolled("Sums by level", "How many scenarios of each level came to what, for each client",
                  ["level", *heads], sum_rows(cells, weights, clients)),
        "<h2>What was measured of each</h2>",
        *scrolled("Profiles", "What chaos profile measured of each client",
                  ["client", *PROFILE, "each end"], profile_rows(profiles)),
        "<section id=evidence><h2>Behind each cell</h2>", *articles, "</section></main>",
        "<dialog aria-label=\"Behind the cell\"><div></div>",
        "<form method=dialog><button>Close</button></form></dialog>",
        f"<script>{SCRIPT}</script></html>", ""])

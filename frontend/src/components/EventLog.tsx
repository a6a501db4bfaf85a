import type { Entry } from "../core/log.ts";
import { type Outage, outageWords } from "../core/outage.ts";
import { clock } from "../core/words.ts";
import { useNow } from "../hooks/useNow.ts";

/** What happened, newest first. The region scrolls, so the keyboard must be able to get into it. */
export function EventLog({ log }: { readonly log: readonly Entry[] }) {
  return (
    <section className="card log-card" aria-labelledby="log-title">
      <h2 id="log-title">Events</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region needs the focus */}
      <section className="log-scroll" tabIndex={0} aria-label="Event log, newest first">
        <ol className="log" data-testid="log">
          {log.map((entry) => (
            <LogLine key={entry.id} entry={entry} />
          ))}
        </ol>
      </section>
    </section>
  );
}

function LogLine({ entry }: { readonly entry: Entry }) {
  return (
    <li data-tone={entry.tone}>
      <time dateTime={new Date(entry.wall).toISOString()}>{clock(entry.wall)}</time>
      <span className="words">
        {entry.outage?.until === null ? <LiveLine outage={entry.outage} /> : entry.words}
        {entry.count > 1 && <span className="count"> ×{entry.count}</span>}
      </span>
    </li>
  );
}

function LiveLine({ outage }: { readonly outage: Outage }) {
  return outageWords(outage, useNow(true));
}

//! What a proxy without faults costs: ours beside the bare loopback and beside
//! HAProxy, if that is installed, measured in turns in one run.
//!
//! `cargo bench -p chaos-proxy --bench wire -- [ROW…]` measures the rows whose
//! names contain one of the words; all without any. Ratios carry over to other
//! machines, absolute figures do not.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark prints its tables"
)]

mod held;
mod load;
mod mass_end;
mod process;
mod rule_change;
mod server;
mod subject;
mod table;

use anyhow::Context;
use environment::Clock;

use server::Server;
use subject::Subject;
use table::{ROWS, Sample, Table};

/// How often every row is measured for every subject.
const ROUNDS: usize = 3;

fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    if let [rule_change::CHILD, upstream] = words.iter().map(String::as_str).collect::<Vec<_>>()[..]
    {
        return rule_change::carry(upstream);
    }
    process::raise_descriptor_limit()?;
    let wanted = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word));
    let server = Server::start()?;
    let table = measure(&server, &wanted)?;
    println!("\n{}", table.render());
    if wanted(rule_change::NAME) {
        println!("{}", rule_change::measure(&server)?);
    }
    Ok(())
}

fn measure(server: &Server, wanted: &dyn Fn(&str) -> bool) -> anyhow::Result<Table> {
    let clock = Clock::start();
    let mut table = Table::new(Subject::names());
    for round in 1..=ROUNDS {
        for (column, name) in Subject::names().iter().enumerate() {
            let seconds = clock.now().since_origin().as_secs();
            eprintln!("{seconds:3} s: round {round} of {ROUNDS}, {name}");
            for row in ROWS.iter().filter(|row| wanted(row.name)) {
                // Each on a process of its own, so that none inherits a heap.
                let subject = Subject::start(name, server.address())?;
                let samples = (row.measure)(&subject)
                    .with_context(|| format!("failed to measure {} of {name}", row.name))?;
                for Sample { part, value } in samples {
                    table.add(row.name, part, column, value);
                }
            }
        }
    }
    Ok(table)
}

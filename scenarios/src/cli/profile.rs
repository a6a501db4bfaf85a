//! `chaos profile`: a client measured, beside what it declares.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use scenarios::out_folder::OutFolder;
use scenarios::profile::{Measuring, Probe, Profile, ProfileError, claims, table};
use scenarios::subjects::{self, SetupError, Subject};
use tokio_util::sync::CancellationToken;

use super::args::ProfileArgs;
use super::output::{complain, print};
use super::run::{jobs, watch_signals};
use super::{EXIT_FAILED, EXIT_INCONCLUSIVE, EXIT_INTERRUPTED, EXIT_PASSED, EXIT_USAGE};

/// The longest time that a reaction is waited for: as long as a client may declare.
const LONGEST: Duration = Duration::from_secs(3600);

/// Measures, prints and writes; 1 if a declaration is not true.
pub(super) fn profile(args: &ProfileArgs) -> anyhow::Result<u8> {
    let watch: Duration = args.watch.into();
    ensure!(watch <= LONGEST, "--for {}: the most is 1h", args.watch);
    let subject = subjects::find(&args.client)?;
    if !subject.is_sim() {
        let name = subject.name();
        if !args.flaw.is_empty() {
            bail!("--flaw is for the simulated client alone; `{name}` has its own");
        }
        if args.time != super::args::Time::Real {
            bail!(
                "--client {name}: client programs run in real time only; leave `--time virtual` out"
            );
        }
    }
    let measuring = Measuring {
        subject,
        flaws: args.flaw.clone(),
        time: args.time.into(),
        probes: Probe::all(),
        seed: args.seed.unwrap_or(environment::Seed(1)),
        clients: args.count,
        watch,
        out: args.out.clone(),
        jobs: jobs(args.jobs, args.time).most,
    };
    let _out = OutFolder::claim(&args.out)?;
    let declared = measuring.declared();
    let profile = match measure(&measuring)? {
        Ok(profile) => profile,
        Err(ProfileError::Interrupted | ProfileError::Setup(SetupError::Interrupted(_))) => {
            return Ok(EXIT_INTERRUPTED);
        }
        Err(error) => {
            complain(&format!("chaos: {error}"));
            return Ok(match error {
                ProfileError::Setup(SetupError::Unstartable { .. }) => EXIT_USAGE,
                _ => EXIT_INCONCLUSIVE,
            });
        }
    };
    let file = args.out.join(Profile::FILE);
    std::fs::write(&file, profile.text()).with_context(|| file.display().to_string())?;
    let text = format!(
        "{}\n{}\n",
        table(&profile, &declared),
        place(&measuring.subject, &file)
    );
    let is_printed = print(text);
    let is_untrue = claims(&profile, &declared)
        .iter()
        .any(|claim| claim.is_untrue());
    Ok(match (is_untrue, is_printed) {
        (true, _) => EXIT_FAILED,
        (false, true) => EXIT_PASSED,
        (false, false) => EXIT_INCONCLUSIVE,
    })
}

fn place(subject: &Subject, file: &Path) -> String {
    let file = file.display();
    match subject.is_sim() {
        true => file.to_string(),
        false => {
            format!(
                "{file}\nput it beside client.toml, and it is used for what is not declared there"
            )
        }
    }
}

#[tokio::main]
async fn measure(measuring: &Measuring) -> anyhow::Result<Result<Profile, ProfileError>> {
    let interrupt = CancellationToken::new();
    let mut watching =
        watch_signals(interrupt.clone(), complain).context("failed to watch for signals")?;
    let tell = |probe: &str| complain(&format!("measured  {probe}"));
    let profile = measuring.measure(tell, &interrupt).await;
    watching.abort_all();
    Ok(profile)
}

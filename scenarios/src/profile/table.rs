//! A profile for people.

use std::time::Duration;

use chaos_judge::profile::{
    Claim, Figure, Profile, Spread, TOLERANCE_SHARE, TOLERANCE_TIME, claims,
};
use environment::text::format_duration;

use crate::subjects::Traits;

/// Everything that was measured, beside what is declared, and what of that is not
/// true.
pub fn table(profile: &Profile, declared: &Traits) -> String {
    let claims = claims(profile, declared);
    let Profile {
        client,
        time,
        seed,
        clients,
        ..
    } = profile;
    let mut text = format!("{client}, {clients} at a time, {time} time, seed {seed}\n\n");
    text += &row(["figure", "declared", "measured: min, median, max (n)"]);
    for claim in &claims {
        let stated = claim.declared.map_or("-".to_owned(), format_duration);
        text += &row([claim.key, &stated, &figure(&claim.measured)]);
    }
    for (name, value) in more(profile) {
        text += &row([name, "", &value]);
    }
    text += &format!(
        "\n{}",
        row(["after", "", "reconnects: min, median, max (n)"])
    );
    for reaction in &profile.reactions {
        text += &row([&reaction.to, "", &figure(&reaction.redial)]);
    }
    let asked = match profile.reads_retry_after {
        Some(true) => "read",
        Some(false) => "not read",
        None => "not measurable",
    };
    text += &row(["Retry-After", "", asked]);
    text + &held_up(profile) + &untrue(&claims)
}

fn more(profile: &Profile) -> [(&'static str, String); 5] {
    let number = |number: Option<f64>, unit: &str| match number {
        Some(number) => format!("{number} {unit}"),
        None => "-".to_owned(),
    };
    let (growth, dropped) = (profile.growth, profile.growth_when_dropped);
    [
        ("growth", number(growth, "times from dial to dial")),
        (
            "growth, dropped",
            number(dropped, "times, when each connection opens and is dropped"),
        ),
        (
            "jitter",
            number(profile.jitter, "of the longest first delay"),
        ),
        ("delay after rest", figure(&profile.delay_after_rest)),
        ("connect bound", figure(&profile.connect_bound)),
    ]
}

fn row([name, declared, measured]: [&str; 3]) -> String {
    let line = format!("{name:<17} {declared:<9} {measured}");
    format!("{}\n", line.trim_end())
}

fn figure(figure: &Figure) -> String {
    let times = figure.times.map(spread);
    let gave_up = (figure.gave_up > 0).then(|| format!("gave up ({})", figure.gave_up));
    let never = (figure.never > 0).then(|| format!("never ({})", figure.never));
    let parts: Vec<String> = [times, gave_up, never].into_iter().flatten().collect();
    match parts[..] {
        [] => "not to be seen".to_owned(),
        _ => parts.join(", "),
    }
}

fn spread(times: Spread) -> String {
    let [min, median, max] = [times.min_us, times.median_us, times.max_us].map(shown);
    format!("{min}, {median}, {max} ({})", times.n)
}

/// In whole milliseconds, from two of them on.
fn shown(micros: u64) -> String {
    let time = Duration::from_micros(micros);
    match time.as_millis() {
        0 | 1 => format_duration(time),
        millis => format!("{millis}ms"),
    }
}

/// In whole milliseconds.
fn shown_longest(time: Duration) -> String {
    let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    format_duration(Duration::from_millis(millis))
}

/// What a busy machine adds to every figure.
fn held_up(profile: &Profile) -> String {
    let longest = Duration::from_micros(profile.held_up_us);
    if longest < Duration::from_millis(50) {
        return String::new();
    }
    let longest = shown_longest(longest);
    format!(
        "\nthe machine let the harness wait, for {longest} at most: times may be so much too long, and are not held against what is declared\n"
    )
}

fn untrue(claims: &[Claim]) -> String {
    let wrong = claims.iter().filter(|claim| claim.is_untrue());
    wrong
        .map(|claim| {
            let stated = claim.declared.map_or(String::new(), format_duration);
            let share = TOLERANCE_SHARE * 100.0;
            format!(
                "\nnot true: {} is declared as {stated}, and measured as {}; up to {share} % and {} more would do\n",
                claim.key,
                figure(&claim.measured),
                shown_longest(TOLERANCE_TIME + claim.held_up)
            )
        })
        .collect()
}

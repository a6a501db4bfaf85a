//! How long it waits before it reconnects.

use super::*;

#[test]
fn the_delay_starts_afresh_only_after_minimum_uptime() {
    // Up for 3 s, three times; then up for 5 s.
    let delays = |flaws: &[Flaw]| -> Vec<u64> {
        let mut rig = Rig::new(flaws);
        let mut delays = Vec::new();
        for uptime in [3, 3, 3, 5] {
            rig.open();
            rig.stays_up(uptime);
            delays.push(rig.fails_and_dials(CloseReason::Reset).as_secs());
        }
        delays
    };
    assert_eq!(delays(&[]), [1, 2, 4, 1]);
    assert_eq!(delays(&[Flaw::ResetsBackoffOnOpen]), [1, 1, 1, 1]);
    assert_eq!(delays(&[Flaw::NeverResetsBackoff]), [1, 2, 4, 8]);
}

#[test]
fn silence_at_the_end_is_no_uptime() {
    let mut rig = Rig::live(&[]);
    rig.pass(10 * SECOND);
    rig.pass(SECOND);
    rig.open();
    rig.pass(10 * SECOND);
    assert_eq!(rig.delay(), 2 * SECOND);
}

#[test]
fn delays_are_drawn_and_grow_unless_flawed() {
    let delays = |flaws: &[Flaw]| -> Vec<Duration> {
        let mut rig = Rig::with(Behaviour {
            reconnect: Policy::new(Shape::FullJitter),
            ..behaviour(flaws)
        });
        (0..4)
            .map(|_| rig.fails_and_dials(CloseReason::Refused))
            .collect()
    };
    let sound = delays(&[]);
    assert_eq!(sound, delays(&[]), "same seed, same delays");
    let ceilings = [1, 2, 4, 8].map(Duration::from_secs);
    assert!(
        sound
            .iter()
            .zip(ceilings)
            .all(|(delay, ceiling)| *delay < ceiling)
    );
    assert_eq!(delays(&[Flaw::NoJitter]), ceilings);
    assert_eq!(delays(&[Flaw::NoBackoff]), [Duration::from_millis(1); 4]);
}

#[test]
fn retry_after_is_obeyed_within_reason() {
    let delay = |flaws: &[Flaw], seconds| {
        let mut rig = Rig::new(flaws);
        rig.refuses(503, Some(seconds));
        rig.delay().as_secs()
    };
    assert_eq!(delay(&[], 5), 6);
    assert_eq!(delay(&[], u64::MAX), 301);
    assert_eq!(delay(&[Flaw::IgnoresRetryAfter], 5), 1);
}

#[test]
fn a_denial_is_retried_near_the_cap() {
    let least = 4 * SECOND;
    for status in [401, 403] {
        let mut rig = Rig::new(&[]);
        rig.refuses(status, None);
        assert!(rig.delay() >= least, "{status}");
    }
    for (code, is_denied) in [
        (1008, true),
        (1013, true),
        (4001, true),
        (1012, false),
        (1000, false),
    ] {
        let mut rig = Rig::live(&[]);
        rig.closes(code);
        assert_eq!(rig.delay() >= least, is_denied, "{code}");
    }
    let mut flawed = Rig::new(&[Flaw::HammersWhenDenied]);
    flawed.refuses(401, None);
    assert_eq!(flawed.delay(), SECOND);
}

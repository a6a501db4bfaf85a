//! `no_bad_certificate`: no client goes on with a handshake of TLS in which it was
//! shown a certificate that is expired, not valid yet, for another host, or signed by
//! nobody whom it trusts.
//!
//! A handshake that came to its end is what the proxy saw: a client that refuses the
//! certificate ends it before, by an alert. One whose key has changed is no bad one.

use chaos_proxy::{Fault, Leaf, TlsFault};

use super::check::Check;
use super::evidence::{Evidence, and_more};
use super::found::Found;
use super::limit::holds;
use super::measure::{Measure, counted};
use crate::definitions::Strike;
use crate::language::{Objection, Setting};

pub(super) const CHECK: Check = Check {
    key: "no_bad_certificate",
    read: holds,
    objection,
    judge: |evidence, _| judge(evidence),
    ..Check::BASE
};

fn is_bad(fault: &Fault) -> bool {
    let Fault::Tls(TlsFault::Certificate(leaf)) = fault else {
        return false;
    };
    !matches!(leaf, Leaf::Valid | Leaf::Changed)
}

fn objection(setting: &Setting<'_>) -> Option<Objection> {
    (!setting.has_fault(is_bad)).then(|| {
        let why = "no client is ever shown a bad certificate";
        Objection::new(why, "add `inject.tls_certificate = { kind = \"expired\" }`")
    })
}

fn judge(evidence: &Evidence<'_>) -> Found {
    let rules = &evidence.scenario.rules;
    let is_of = |strike: &&Strike| {
        let mut rules = rules.iter().filter(|rule| rule.name == strike.rule);
        rules.any(|rule| is_bad(&rule.fault))
    };
    let connections = &evidence.observed.connections;
    let shown: Vec<&Strike> = connections.strikes().iter().filter(is_of).collect();
    if shown.is_empty() {
        return Found::nothing("no client was shown a bad certificate");
    }
    let accepted = |strike: &&&Strike| {
        let connection = connections.get(&strike.client, strike.attempt);
        connection.is_some_and(|connection| connection.secured.is_some())
    };
    let taken: Vec<&&Strike> = shown.iter().filter(accepted).collect();
    let Some(first) = taken.first() else {
        let why = format!(
            "{} of a bad certificate, and no client went on",
            counted(shown.len(), "handshake")
        );
        return Found::ok(Measure::Count(0), why);
    };
    let why = format!(
        "{} went on {} with the certificate of `{}`, which it should have refused{}",
        first.client,
        evidence.at(first.at),
        first.rule,
        and_more(taken.len())
    );
    let found = Found::failed(
        Measure::count(taken.len()),
        why,
        taken.iter().map(|strike| &strike.client),
    );
    Found {
        rules: Some(taken.iter().map(|strike| strike.rule.clone()).collect()),
        ..found
    }
}

#[cfg(test)]
mod tests {
    use chaos_proxy::{EventKind, Peer};

    use crate::checks::tests::judge;
    use crate::checks::{Finding, Measure};
    use crate::journal::builder::JournalBuilder;

    const TEXT: &str = "[[fault]]\non.attempt = 2\ninject.tls_certificate = { kind = 'expired' }\n[expect]\nno_bad_certificate = true\n";

    fn run() -> JournalBuilder {
        JournalBuilder::run(10_000, 15_000, 15_500)
            .connected("c1", 1, 0, 10)
            .closed("c1", 1, 1000)
            .accepted("c1", 2, 1100)
    }

    fn established() -> EventKind {
        EventKind::TlsEstablished {
            peer: Peer::Client,
            version: "1.3".to_owned(),
            server_name: None,
            alpn: None,
        }
    }

    #[test]
    fn who_refuses_it_is_well() {
        let why = "1 handshake of a bad certificate, and no client went on";
        let story = run().struck("c1", 2, "tls_certificate", 1100);
        judge(TEXT, &story.closed("c1", 2, 1101), Finding::Ok, why);
    }

    #[test]
    fn who_goes_on_is_not() {
        let story =
            run()
                .struck("c1", 2, "tls_certificate", 1100)
                .proxy("c1", 2, established(), 1101);
        let why = "c1 went on at 1100ms with the certificate of `tls_certificate`, which it should have refused";
        let judged = judge(TEXT, &story, Finding::Failed, why);
        assert_eq!(judged.observed, Measure::Count(1));
    }

    #[test]
    fn without_one_there_is_nothing_to_judge() {
        let why = "no client was shown a bad certificate";
        judge(TEXT, &run(), Finding::NotObservable, why);
    }
}

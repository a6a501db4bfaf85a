//! Whether a case has anything to say about a client at all, and whether what
//! it is about was judged.
//!
//! A case is about its defining checks ([`Scenario::defining`]): what its proof
//! fails, or else everything that it expects. One of them that held is enough.

use chaos_proxy::Fault;

use super::reason::Reason;
use crate::checks::{CheckResult, Evidence, Finding, MAX_DIALS, MIN_DIAL_GAP, Unseen, blindness};
use crate::journal::Header;
use crate::language::Scenario;
use crate::subject::Traits;

/// Why a run of it is not applicable, as far as that is known before it begins.
pub fn known_before(
    scenario: &Scenario,
    subject: Option<&Traits>,
    is_wire: bool,
) -> Option<Reason> {
    let ability = scenario.missing_ability(subject);
    let of_client = ability.map(Reason::MissingAbility);
    let of_client = of_client.or_else(|| too_many_browsers(scenario, subject));
    let of_client = of_client.or_else(|| unseen_by_pages(scenario, subject));
    let unobeyed = scenario.unobeyed.clone();
    let of_server = unobeyed.map(|what| Reason::NotObeyed { what });
    let of_client = of_client.or(of_server);
    let of_client = of_client.or_else(|| no_websocket(scenario));
    of_client.or_else(|| (is_wire && scenario.is_undisturbed()).then_some(Reason::ControlOfNothing))
}

/// A rule that can do nothing to what the client speaks with the server that it brings.
/// With a server of the file's own it is a mistake of the file.
fn no_websocket(scenario: &Scenario) -> Option<Reason> {
    let mut rules = scenario.rules.iter();
    let rule = rules.find(|rule| rule.must_fire && rule.needs_websocket());
    let rule = rule.filter(|_| !scenario.is_websocket())?;
    Some(Reason::NoWebSocket {
        rule: rule.name.clone(),
    })
}

/// So many browsers fit into a machine that has other things to do, too.
const MOST_BROWSERS: u32 = 6;

fn too_many_browsers(scenario: &Scenario, subject: Option<&Traits>) -> Option<Reason> {
    let (count, most) = (scenario.clients.count, MOST_BROWSERS);
    let is_page = subject.is_some_and(Traits::is_page);
    (is_page && count > most).then_some(Reason::TooManyBrowsers { count, most })
}

/// What a case is about that a browser keeps to itself.
fn unseen_by_pages(scenario: &Scenario, subject: Option<&Traits>) -> Option<Reason> {
    if !subject.is_some_and(Traits::is_page) {
        return None;
    }
    let has = |is_it: fn(&Fault) -> bool| scenario.rules.iter().any(|rule| is_it(&rule.fault));
    let what = match scenario.defining()[..] {
        // As long as the answer asks for.
        [check] if check == MIN_DIAL_GAP.key && has(|f| matches!(f, Fault::UpgradeReply(_))) => {
            "the response to a refused handshake"
        }
        // No liveness but by bytes would last as long.
        [check] if check == MAX_DIALS.key && has(|f| matches!(f, Fault::Slice(_))) => {
            "a message that is still coming"
        }
        _ => return None,
    };
    Some(Reason::UnseenByPages { what })
}

/// Which of its checks cannot be judged with the file's server and such clients,
/// whatever happens, and why: as far as that is known before a run begins.
pub fn blind(scenario: &Scenario, subject: Option<&Traits>) -> Vec<(&'static str, String)> {
    let header = Header {
        format: Header::FORMAT.to_owned(),
        version: Header::VERSION,
        id: scenario.id.clone(),
        case: scenario.case.clone(),
        seed: 1,
        time: String::new(),
        client: String::new(),
        clients: scenario.client_names(),
        flaws: Vec::new(),
        control: None,
        retried: 0,
        subject: subject.cloned(),
    };
    let evidence = Evidence::new(scenario, &header, &[]);
    let expected = scenario.expect.iter();
    let blind = expected.filter_map(|expected| {
        let (_, why) = blindness(&evidence, expected.check)?;
        Some((expected.name(), why))
    });
    blind.collect()
}

/// Why it is not applicable; empty if it is.
pub(super) fn objections(
    evidence: &Evidence<'_>,
    header: &Header,
    checks: &[CheckResult],
) -> Vec<Reason> {
    let subject = evidence.subject.as_ref();
    if let Some(reason) = known_before(evidence.scenario, subject, header.is_wire()) {
        return vec![reason];
    }
    let defining = defining(evidence.scenario, checks);
    let is_hidden = |check: &&CheckResult| check.unseen == Some(Unseen::Client);
    if !defining.iter().all(is_hidden) {
        return Vec::new();
    }
    let hidden = defining.into_iter();
    hidden
        .map(|check| Reason::Hidden {
            check: check.name.clone(),
            why: check.why.clone(),
        })
        .collect()
}

/// Why none of the defining checks says anything; empty if one of them does.
pub(super) fn unjudged(scenario: &Scenario, checks: &[CheckResult]) -> Vec<Reason> {
    let hollow = hollow(scenario, checks).into_iter();
    hollow
        .map(|check| Reason::Unjudged {
            check: check.name.clone(),
            why: check.why.clone(),
        })
        .collect()
}

/// Whether none of them does, and of one the machine is the cause.
pub(super) fn was_withheld(scenario: &Scenario, checks: &[CheckResult]) -> bool {
    let mut hollow = hollow(scenario, checks).into_iter();
    hollow.any(|check| check.unseen == Some(Unseen::Machine))
}

/// The defining checks, if nothing could be seen of any.
fn hollow<'a>(scenario: &Scenario, checks: &'a [CheckResult]) -> Vec<&'a CheckResult> {
    let defining = defining(scenario, checks);
    let is_hidden = |check: &&CheckResult| check.result == Finding::NotObservable;
    if defining.iter().all(is_hidden) {
        defining
    } else {
        Vec::new()
    }
}

fn defining<'a>(scenario: &Scenario, checks: &'a [CheckResult]) -> Vec<&'a CheckResult> {
    let names = scenario.defining();
    let own = checks.iter();
    own.filter(|check| names.contains(&check.name.as_str()))
        .collect()
}

//! `detect_within`: every client notices in time that a fault has affected it.
//!
//! A fault that was healed before the limit, after which all went on as
//! before, need not be noticed: nothing is judged of it.

use std::time::Duration;

use super::check::Check;
use super::deadlines::{Beyond, Deadlines, Words, during};
use super::evidence::Evidence;
use super::found::Found;
use super::limit::{Limit, within};
use super::measure::span;
use crate::definitions::Notice;

pub(super) const CHECK: Check = Check {
    key: "detect_within",
    read: within,
    objection: |setting| setting.hurts_nobody(),
    asked: |evidence| {
        let subject = evidence.subject.as_ref()?;
        subject
            .liveness()
            .max(evidence.scenario.time_until_unheard(subject))
    },
    judge,
    ..Check::BASE
};

const WORDS: Words<Notice> = Words {
    event: "effect",
    reacted: "noticed",
    too_late,
    nothing,
};

fn judge(evidence: &Evidence<'_>, limit: Limit) -> Found {
    let limit = limit.time();
    let judged = Deadlines::of(evidence.notices(), |notice| {
        during(evidence, notice, notice.noticed, limit)
    });
    judged.found(evidence, limit, &WORDS)
}

fn too_late(evidence: &Evidence<'_>, notice: &Notice, worst: Beyond) -> String {
    let what = match worst.taken() {
        Some(taken) => format!("noticed `{}` only after {}", notice.rule, span(taken)),
        None => format!("never noticed `{}`", notice.rule),
    };
    let (client, began) = (&notice.client, evidence.at(notice.from));
    let departed = evidence.departed(client);
    format!("{client} {what}, which affected it {began}{departed}")
}

fn nothing(_: &Evidence<'_>, judged: &Deadlines<'_, Notice>, limit: Duration) -> String {
    match judged.count() {
        0 => "no fault affected any client".to_owned(),
        _ => format!("every fault was over before {} had passed", span(limit)),
    }
}

//! Results that belong together: of one scenario with one subject, over its
//! seeds.

use std::collections::BTreeMap;

use crate::results::ScenarioResult;
use crate::verdict::Verdict;

/// One scenario with one subject.
#[derive(Debug)]
pub(super) struct Group<'a> {
    /// Never empty.
    runs: Vec<&'a ScenarioResult>,
}

/// Every scenario with every client under test, in the order of their first runs.
pub(super) fn groups(scenarios: &[ScenarioResult]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut places = BTreeMap::new();
    for scenario in scenarios {
        let next = groups.len();
        let place = places.entry((&scenario.id, &scenario.client));
        match groups.get_mut(*place.or_insert(next)) {
            Some(group) => group.runs.push(scenario),
            None => groups.push(Group {
                runs: vec![scenario],
            }),
        }
    }
    groups
}

impl<'a> Group<'a> {
    pub(super) fn id(&self) -> &'a str {
        &self.runs[0].id
    }

    pub(super) fn client(&self) -> &'a str {
        &self.runs[0].client
    }

    pub(super) fn title(&self) -> &'a str {
        &self.runs[0].title
    }

    pub(super) fn runs(&self) -> impl Iterator<Item = &'a ScenarioResult> {
        self.runs.iter().copied()
    }

    pub(super) fn count(&self) -> usize {
        self.runs.len()
    }

    /// Its runs of this verdict.
    pub(super) fn of(&self, verdict: Verdict) -> impl Iterator<Item = &'a ScenarioResult> {
        let runs = self.runs.iter().copied();
        runs.filter(move |run| run.verdict == verdict)
    }

    /// The worst of its verdicts, and how many there are of it. As with exit
    /// codes, failed is worse than inconclusive.
    pub(super) fn worst(&self) -> (Verdict, usize) {
        let mut counted = Verdict::WORST_FIRST
            .map(|verdict| (verdict, self.of(verdict).count()))
            .into_iter();
        let worst = counted.find(|(_, count)| *count > 0);
        worst.unwrap_or((Verdict::Passed, 0))
    }

    /// "197 passed, 2 failed, 1 inconclusive", without what there is none of.
    pub(super) fn sums(&self) -> String {
        let verdicts = [
            Verdict::Passed,
            Verdict::Failed,
            Verdict::Inconclusive,
            Verdict::NotApplicable,
        ];
        let counted = verdicts.map(|verdict| (self.of(verdict).count(), verdict.word()));
        let there = counted.iter().filter(|(count, _)| *count > 0);
        let words: Vec<String> = there
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        words.join(", ")
    }
}

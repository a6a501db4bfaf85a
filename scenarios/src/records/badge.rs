//! What badge services read: <https://shields.io/badges/endpoint-badge>.

use serde::Serialize;

use crate::results::Results;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Badge {
    schema_version: u32,
    label: &'static str,
    message: String,
    color: &'static str,
}

/// The badge of these results: how many of the scenarios that say anything passed.
pub fn badge(results: &Results) -> String {
    let judged = results.passed + results.failed;
    let (message, color) = match (judged, results.failed, results.inconclusive) {
        (0, ..) => ("nothing checked".to_owned(), "lightgrey"),
        (all, 0, 0) => (format!("{all} of {all} scenarios"), "brightgreen"),
        (all, 0, _) => (format!("{all} of {all} scenarios"), "green"),
        (all, ..) => (format!("{} of {all} scenarios", results.passed), "orange"),
    };
    let badge = Badge {
        schema_version: 1,
        label: "reconnects",
        message,
        color,
    };
    let text = serde_json::to_string(&badge);
    text.expect("strings and numbers can be written") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::sample::scenario;
    use crate::verdict::Verdict;

    #[test]
    fn it_says_how_many_of_those_that_say_anything_passed() {
        let of = |verdicts: &[Verdict]| {
            let runs = verdicts.iter().map(|verdict| scenario("R01", *verdict));
            badge(&Results::new(runs.collect()))
        };
        let one = r#"{"schemaVersion":1,"label":"reconnects","message":"1 of 1 scenarios","color":"brightgreen"}"#;
        assert_eq!(of(&[Verdict::Passed]), format!("{one}\n"));
        let failed = of(&[Verdict::Passed, Verdict::Failed, Verdict::NotApplicable]);
        assert!(
            failed.contains(r#""message":"1 of 2 scenarios","color":"orange""#),
            "{failed}"
        );
        assert!(of(&[Verdict::Inconclusive]).contains("nothing checked"));
    }
}

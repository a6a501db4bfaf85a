//! `report.html`, as `chaos run` and `chaos judge` leave it.

use crate::program::{Place, SMALL};

fn report(place: &Place, folder: &str) -> String {
    std::fs::read_to_string(place.path(folder).join("report.html")).unwrap()
}

/// A run whose clients take a reset for the end.
async fn failed_run() -> Place {
    let place = Place::new();
    let file = place.file("small.toml", SMALL);
    place.run(&file, &["--flaw", "stops_on_reset"]).await;
    place
}

#[tokio::test]
async fn a_run_leaves_a_report_that_tells_what_its_results_tell() {
    let place = failed_run().await;
    let result = place.result();
    let report = report(&place, "out");
    assert!(report.starts_with("<!DOCTYPE html>") && report.ends_with("</html>"));
    // On a starved machine it may be inconclusive; the sentences are there all the same.
    assert!(report.contains(result.verdict.word()));
    for check in &result.checks {
        let why = check.why.replace('<', "&lt;");
        assert!(report.contains(&why), "{why}");
    }
    assert!(
        report.contains("gave up from "),
        "the lane of the client that stopped"
    );
    assert!(report.contains(&result.repeat));
    assert!(report.contains("half of them"));
    let folder = place.path("").display().to_string();
    assert!(
        !report
            .replace(&result.repeat, "")
            .contains(folder.trim_end_matches('/'))
    );
}

#[tokio::test]
async fn a_journal_alone_makes_the_same_report() {
    let place = failed_run().await;
    let ran = place.result().repeat;
    place.chaos(&["judge", "out", "--out", "again"]).await;
    let text = std::fs::read_to_string(place.path("again/results.json")).unwrap();
    let results: scenarios::results::Results = serde_json::from_str(&text).unwrap();
    let judged = &results.scenarios[0].repeat;
    assert_eq!(
        report(&place, "out").replace(&ran, judged),
        report(&place, "again")
    );
}

#[tokio::test]
async fn a_report_that_cannot_be_written_is_told_and_is_no_success() {
    let place = Place::new();
    let file = place.file("small.toml", SMALL);
    std::fs::create_dir_all(place.path("out/report.html")).unwrap();
    let answer = place.run(&file, &[]).await;
    assert_eq!(answer.code, Some(3), "{}\n{}", answer.out, answer.err);
    assert!(answer.err.contains("out/report.html: "), "{}", answer.err);
    assert!(place.path("out/results.json").exists());
}

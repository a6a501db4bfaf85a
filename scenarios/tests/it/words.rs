//! The four words of a verdict, each to the exit code and to all records.

use scenarios::results::Results;
use scenarios::verdict::Verdict;

use crate::program::{Place, SMALL};

/// A client that leaves a trace of having been started, and can do nothing.
fn lame(place: &Place) {
    let folder = place.path("lame");
    std::fs::create_dir(&folder).unwrap();
    let text = "name = 'lame'\nversion = '1'\ncommand = ['sh', '-c', 'touch started; sleep 60']\n";
    std::fs::write(folder.join("client.toml"), text).unwrap();
}

/// A case for clients that pause.
fn pausing(place: &Place) {
    let action = "[[action]]\nat = \"200ms\"\ndo = \"pause\"\n[server]";
    let text = SMALL.replace("[server]", action);
    let text = text.replace("id = \"small\"", "id = \"small\"\nrequires = [\"pause\"]");
    place.file("pausing.toml", &text);
}

const CANNOT: &str = "the scenario needs clients that can `pause`, which this client cannot";

fn read(place: &Place, file: &str) -> String {
    std::fs::read_to_string(place.path(file)).unwrap()
}

#[tokio::test]
async fn what_is_not_applicable_is_named_everywhere_and_nobody_is_started() {
    let place = Place::new();
    lame(&place);
    pausing(&place);
    let words = ["run", "pausing.toml", "--client", "./lame", "--out", "out"];
    let answer = place.chaos(&words).await;
    // Nothing was shown, so it is not 0.
    answer.expect(3);
    assert!(!place.path("lame/started").exists());
    let results = place.results();
    assert_eq!((results.version, results.not_applicable), (2, 1));
    assert_eq!(results.passed + results.failed + results.inconclusive, 0);
    let result = &results.scenarios[0];
    assert_eq!(result.verdict, Verdict::NotApplicable);
    assert_eq!(result.reasons[0].to_string(), CANNOT);
    let json = read(&place, "out/results.json");
    for part in [
        "\"not_applicable\": 1",
        "\"verdict\": \"not_applicable\"",
        "\"unseen\": \"client\"",
    ] {
        assert!(json.contains(part), "{part}\n{json}");
    }
    let junit = read(&place, "out/junit.xml");
    let skipped = format!("<skipped message=\"{CANNOT}\" type=\"not_applicable\">");
    assert!(
        junit.contains("skipped=\"1\"") && junit.contains(&skipped),
        "{junit}"
    );
    let summary = read(&place, "out/summary.md");
    assert!(summary.contains("➖ not applicable"), "{summary}");
    assert!(
        summary.contains("clients that can <code>pause</code>"),
        "{summary}"
    );
    let report = read(&place, "out/report.html");
    assert!(report.contains("<h1>1 not applicable</h1>") && report.contains(CANNOT));
    let told = format!("small not applicable\n  {CANNOT}\n");
    assert!(answer.out.contains(&told), "{}", answer.out);
    assert!(
        answer.out.contains("0 inconclusive, 1 not applicable\n"),
        "{}",
        answer.out
    );
    let ends = "chaos run pausing.toml --client ./lame";
    assert_eq!(answer.last_line(), ends);
    // The journal says so as well.
    let again = place.chaos(&["judge", "out", "--out", "again"]).await;
    again.expect(3);
    let again: Results = serde_json::from_str(&read(&place, "again/results.json")).unwrap();
    let again = &again.scenarios[0];
    assert_eq!(
        (again.verdict, &again.checks),
        (result.verdict, &result.checks)
    );
}

#[tokio::test]
async fn beside_one_that_passed_it_does_no_harm() {
    let place = Place::new();
    lame(&place);
    pausing(&place);
    let words = [
        "run",
        "pausing.toml",
        "--client",
        "sim,./lame",
        "--out",
        "out",
    ];
    let answer = place.chaos(&words).await;
    answer.expect(0);
    let table = "        sim     lame\n\
        small   passed  not applicable\n\
        passed  1 of 1  0 of 1\n";
    assert!(answer.out.starts_with(table), "{}", answer.out);
    // What failed is worse, and what is inconclusive too.
    for (words, code) in [
        (&["--flaw", "stops_on_reset"][..], 1),
        (&["--control", "wire"], 3),
    ] {
        let clients = ["run", "pausing.toml", "--client", "sim", "--out", "out"];
        place.chaos(&[&clients, words].concat()).await.expect(code);
    }
}

const BASELINE: &str = "id = \"calm\"\nduration = \"500ms\"\nsettle = \"500ms\"\n\
    [clients]\ncount = 2\n[expect]\nmax_dials = 0\nmax_live = 1\nno_leak = true\n";

#[tokio::test]
async fn a_case_without_any_fault_passes_and_has_no_control() {
    let place = Place::new();
    let file = place.file("calm.toml", BASELINE);
    place.run(&file, &["--time", "virtual"]).await.expect(0);
    assert_eq!(place.result().verdict, Verdict::Passed);
    let wire = ["--time", "virtual", "--control", "wire"];
    let answer = place.run(&file, &wire).await;
    answer.expect(3);
    let result = place.result();
    assert_eq!(result.verdict, Verdict::NotApplicable);
    let reason = "a negative control, and the scenario has no fault to leave out";
    assert_eq!(result.reasons[0].to_string(), reason);
    assert!(
        answer.last_line().ends_with("--control wire"),
        "{}",
        answer.out
    );
}

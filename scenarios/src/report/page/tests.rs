//! Whole pages, from told journals.

use std::collections::BTreeSet;

use sha2::Digest;

use super::*;
use crate::checks::Evidence;
use crate::journal::builder::JournalBuilder;
use crate::language::sample::{header, scenario};
use crate::report::Timeline;
use crate::report::timeline::clipped;
use crate::verdict::judge_evidence;

const RESET: &str = "[[fault]]\nname = 'reset'\nat = '1s'\ninject.reset = {}\n[expect]\nrecover_within = '2s'\nmax_live = 1\n";

/// Both clients are reset.
fn lost() -> JournalBuilder {
    ["c1", "c2"].into_iter().fold(
        JournalBuilder::run(10_000, 15_000, 15_500),
        |story, client| {
            let story = story.connected(client, 1, 0, 10);
            story
                .struck(client, 1, "reset", 1000)
                .closed(client, 1, 1001)
        },
    )
}

/// After that c1 is back at once, and c2 if it is said to be.
fn story(is_back: bool) -> JournalBuilder {
    let story = lost().connected("c1", 2, 1200, 1300);
    if is_back {
        story.connected("c2", 2, 1500, 1600)
    } else {
        story
    }
}

fn judged(rest: &str, story: &JournalBuilder, seed: u64) -> (ScenarioResult, Timeline) {
    let scenario = scenario(rest);
    let mut header = header(&scenario);
    header.seed = seed;
    let evidence = Evidence::new(&scenario, &header, &story.entries());
    let judgement = judge_evidence(&evidence, &header);
    let timeline = Timeline::of(&evidence, &judgement.checks);
    let repeat = format!("chaos run x.toml --seed {seed}");
    (
        ScenarioResult::new(&scenario, &header, judgement, repeat),
        timeline,
    )
}

fn page(judged: Vec<(ScenarioResult, Timeline)>) -> String {
    let mut gallery = Gallery::default();
    let mut results = Vec::new();
    for (index, (result, timeline)) in judged.into_iter().enumerate() {
        gallery.add(index, result.verdict, timeline);
        results.push(result);
    }
    render(&Results::new(results), &gallery)
}

fn passed() -> (ScenarioResult, Timeline) {
    judged(RESET, &story(true), 1)
}

fn failed() -> (ScenarioResult, Timeline) {
    judged(RESET, &story(false), 1)
}

/// Every value of an attribute.
fn values<'a>(page: &'a str, attribute: &str) -> Vec<&'a str> {
    let begin = format!(" {attribute}=\"");
    let parts = page.split(&begin).skip(1);
    parts.filter_map(|part| part.split('"').next()).collect()
}

#[test]
fn every_client_that_failed_is_marked() {
    let (result, timeline) = judged(RESET, &lost(), 1);
    assert_eq!(result.checks[0].clients, ["c1", "c2"]);
    let page = page(vec![(result, timeline)]);
    for client in ["c1", "c2"] {
        let row = format!(r#"<span class="row-lane marked" title="{client}">{client}</span>"#);
        assert!(page.contains(&row), "{client}");
    }
}

#[test]
fn a_failed_check_has_its_sentence_and_its_clients_lane() {
    let (result, timeline) = failed();
    let check = &result.checks[0];
    assert_eq!(
        (check.name.as_str(), result.verdict),
        ("recover_within", Verdict::Failed)
    );
    let why = html! { (check.why) }.into_string();
    let page = page(vec![(result, timeline)]);
    assert!(why.starts_with("c2 had no data"), "{why}");
    assert_eq!(
        page.matches(&why).count(),
        2,
        "in the outcome, and with its check"
    );
    assert!(page.contains(r#"<span class="row-lane marked" title="c2">c2</span>"#));
    assert!(page.contains(r#"<span class="row-lane" title="c1">c1</span>"#));
    assert!(page.contains("<title>c2 down from 1s to 15.4s, 14.4s</title>"));
    assert!(page.contains("<title>reset at 1s</title>"));
    assert!(page.contains("chaos run x.toml --seed 1</pre>"));
}

#[test]
fn what_did_not_pass_is_open_and_in_front() {
    let page = page(vec![passed(), failed()]);
    let ids = values(&page, "id");
    let runs: Vec<&&str> = ids
        .iter()
        .filter(|id| ["run-1", "run-2"].contains(id))
        .collect();
    assert_eq!(runs, [&"run-2", &"run-1"]);
    let (before, after) = page.split_once(r#"<article class="run passed""#).unwrap();
    assert!(before.contains("<details open><summary><h3"));
    assert!(!after.contains("<details open><summary><h3"));
    assert!(page.contains("<title>1 failed, 1 passed · chaos report</title>"));
}

#[test]
fn nothing_runs_and_nothing_is_fetched() {
    let page = page(vec![passed(), failed()]);
    for tag in [
        "<script",
        "<iframe",
        "<link",
        "<img",
        "<object",
        "<embed",
        "<base",
        "<form",
        "<foreignObject",
    ] {
        assert!(!page.contains(tag), "{tag}");
    }
    for attribute in [
        "src",
        "srcset",
        "style",
        "onload",
        "action",
        "data",
        "xlink:href",
    ] {
        assert_eq!(values(&page, attribute), [""; 0], "{attribute}");
    }
    assert!(
        values(&page, "href")
            .iter()
            .all(|target| target.starts_with('#'))
    );
    let urls = STYLE.split("url(").skip(1);
    assert!(urls.into_iter().all(|url| url.starts_with('#')));
    assert!(!STYLE.contains("@import"));
}

#[test]
fn the_policy_knows_the_style_by_its_hash() {
    let expected = format!("sha256-{}", base64(&sha2::Sha256::digest(STYLE)));
    assert!(
        POLICY.contains(&expected),
        "the style sheet's hash is now {expected}"
    );
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for index in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * index)) as usize & 63];
            text.push(if index > chunk.len() {
                '='
            } else {
                char::from(letter)
            });
        }
    }
    text
}

#[test]
fn hostile_texts_are_texts() {
    let evil =
        "</pre></style><script>alert(1)</script><img src=x onerror=alert(2)> \" ' & ]]> <!--";
    let (mut result, mut timeline) = failed();
    for text in [
        &mut result.id,
        &mut result.title,
        &mut result.client,
        &mut result.repeat,
    ] {
        evil.clone_into(text);
    }
    result.checks[0].why = format!("{evil}\u{202e}\u{0}\u{1b}[31m");
    result.rules[0].name = evil.into();
    result.flaws = vec![evil.into()];
    result.control = Some(evil.into());
    for text in [&mut timeline.why, &mut timeline.source, &mut timeline.text] {
        evil.clone_into(text);
    }
    timeline.tracks[0].name = evil.into();
    timeline.crowd.lanes[0].client = evil.into();
    let mut inconclusive = passed();
    inconclusive.0.verdict = Verdict::Inconclusive;
    inconclusive.0.reasons = vec![evil.into()];
    let page = page(vec![(result, timeline), inconclusive]);
    assert!(page.contains("&lt;script&gt;alert(1)"));
    for part in ["<script", "<img", "<!--", "\u{202e}", "\u{0}", "\u{1b}"] {
        assert!(!page.contains(part), "{part:?}");
    }
    assert_eq!(page.matches("</style>").count(), 1);
}

#[test]
fn only_an_address_of_the_web_is_a_link() {
    let link_of = |source: &str| {
        let (result, mut timeline) = failed();
        source.clone_into(&mut timeline.source);
        let page = page(vec![(result, timeline)]);
        values(&page, "href")
            .into_iter()
            .any(|target| target == source)
    };
    assert!(link_of("https://example.org/issues/1"));
    for source in [
        "javascript:alert(1)",
        "https://a b",
        "data:text/html,x",
        "HTTPS://x",
        "//x",
    ] {
        assert!(!link_of(source), "{source}");
    }
}

#[test]
fn every_id_is_there_once_and_every_target_is_there() {
    let judged: Vec<_> = (0..20)
        .map(|seed| judged(RESET, &story(seed % 3 > 0), seed))
        .collect();
    let page = page(judged);
    let ids = values(&page, "id");
    let known: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(ids.len(), known.len());
    for target in values(&page, "href") {
        assert!(known.contains(&target[1..]), "{target}");
    }
    for labels in values(&page, "aria-labelledby") {
        assert!(
            labels.split(' ').all(|label| known.contains(label)),
            "{labels}"
        );
    }
}

#[test]
fn headings_go_down_one_step_at_a_time() {
    let page = page(vec![passed(), failed()]);
    let levels = page
        .split("<h")
        .skip(1)
        .filter_map(|part| part.chars().next()?.to_digit(10));
    let levels: Vec<u32> = levels.collect();
    assert_eq!(levels[0], 1);
    assert!(
        levels.windows(2).all(|pair| pair[1] <= pair[0] + 1),
        "{levels:?}"
    );
}

#[test]
fn clients_stand_side_by_side_and_seeds_in_one_cell() {
    let mut runs = Vec::new();
    for client in ["sim", "browser"] {
        for seed in 1..=12 {
            let (mut result, timeline) = judged(RESET, &story(client == "sim"), seed);
            client.clone_into(&mut result.client);
            runs.push((result, timeline));
        }
    }
    let page = page(runs);
    let matrix = page
        .split("<table")
        .nth(1)
        .unwrap()
        .split("</table>")
        .next()
        .unwrap();
    assert!(
        matrix.contains(r#"<th scope="col">sim</th><th scope="col">browser</th>"#),
        "{matrix}"
    );
    assert_eq!(matrix.matches(r#"<th scope="row">"#).count(), 1);
    assert!(matrix.contains("✓ 12 passed"));
    assert!(matrix.contains("✗ 12 failed"));
    assert!(
        matrix.contains("and 4 more"),
        "eight failed seeds are named"
    );
    assert!(page.contains("12 of them, from 1 to 12"));
}

#[test]
fn a_page_is_the_same_whichever_run_ends_first() {
    let judged: Vec<_> = (0..800)
        .map(|seed| judged(RESET, &story(seed % 2 == 0), seed))
        .collect();
    let results = Results::new(judged.iter().map(|(result, _)| result.clone()).collect());
    let gallery = |order: &mut dyn Iterator<Item = usize>| {
        let mut gallery = Gallery::default();
        for index in order {
            gallery.add(index, judged[index].0.verdict, judged[index].1.clone());
        }
        render(&results, &gallery)
    };
    let page = gallery(&mut (0..800));
    assert!(page == gallery(&mut (0..800).rev()));
    assert!(page.len() <= MOST_BYTES, "{}", page.len());
}

#[test]
fn no_page_is_larger_than_promised() {
    let (mut result, mut timeline) = failed();
    let long = "<".repeat(20_000);
    result.checks = vec![result.checks[0].clone(); 20];
    for text in [
        &mut result.title,
        &mut result.checks[0].why,
        &mut result.repeat,
    ] {
        long.clone_into(text);
    }
    timeline.text = clipped(&long, 32 * 1024);
    for count in [100, 1000] {
        let runs: Vec<ScenarioResult> = (0..count)
            .map(|number| {
                let mut result = result.clone();
                result.id = format!("{}-{number}", "x".repeat(60));
                result
            })
            .collect();
        let mut gallery = Gallery::default();
        for index in 0..count {
            gallery.add(index, Verdict::Failed, timeline.clone());
        }
        let page = render(&Results::new(runs), &gallery);
        assert!(page.len() <= MOST_BYTES, "{count}: {}", page.len());
        assert!(page.contains("There is no room for"));
        assert!(page.ends_with("</html>"));
    }
}

#[test]
fn of_very_many_runs_the_first_have_figures_and_the_others_words() {
    let (result, timeline) = passed();
    let mut gallery = Gallery::default();
    for index in 0..5000 {
        gallery.add(index, Verdict::Passed, timeline.clone());
    }
    let page = render(&Results::new(vec![result; 5000]), &gallery);
    let figures = page.matches("Each client over time.").count();
    let words = page.matches("There are too many runs for figures").count();
    assert!(
        figures >= 50 && words >= 500,
        "{figures} with figures, {words} without"
    );
    assert!(page.contains(" more runs; results.json has them all."));
    assert!(page.len() <= MOST_BYTES);
}

#[test]
fn who_reads_an_inconclusive_run_is_told_what_to_do() {
    let (mut result, timeline) = passed();
    result.verdict = Verdict::Inconclusive;
    result.reasons = vec!["the machine was <too> busy".into()];
    let page = page(vec![(result, timeline)]);
    assert!(page.contains("<li>the machine was &lt;too&gt; busy</li>"));
    assert!(page.contains("run fewer at a time (--jobs 4)"));
}

#[test]
fn what_is_not_applicable_is_counted_and_named_with_its_reason() {
    let (mut result, timeline) = passed();
    result.id = "R31".into();
    result.verdict = Verdict::NotApplicable;
    result.reasons = vec!["this client cannot <pause>".into()];
    let page = page(vec![passed(), (result, timeline)]);
    assert!(page.contains("<h1>1 not applicable, 1 passed</h1>"));
    assert!(page.contains("<span class=\"tile not_applicable\">"));
    assert!(page.contains("<li>this client cannot &lt;pause&gt;</li>"));
    assert!(page.contains("<span class=\"reason\">this client cannot &lt;pause&gt;</span>"));
    assert!(!page.contains("--jobs 4"));
}

#[test]
fn nothing_was_run() {
    let page = page(Vec::new());
    assert!(page.contains("<h1>nothing was run</h1>"));
}

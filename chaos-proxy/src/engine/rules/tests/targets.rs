//! On whom: everybody, a share, some by name, one connection; and how likely.

use super::*;

/// Which of these clients' first connections meet anything.
fn struck(text: &str, clients: &[String]) -> Vec<String> {
    let is_struck = |client: &&String| {
        let plan = Plan::new(rules(&[text]), None, Seed(7), millis(HORIZON));
        let mut world = World::of(client, 1, plan);
        world.begin();
        world.accept();
        world.to(HORIZON);
        !world.take().is_empty()
    };
    clients.iter().filter(is_struck).cloned().collect()
}

fn clients(count: usize) -> Vec<String> {
    (1..=count).map(|n| format!("c{n}")).collect()
}

const WHEN: [&str; 3] = [
    "at = '1s'\ninject.reset = {}",
    "on.attempt = 1\ninject.reset = {}",
    "on.attempt = 1\nafter = '1s'\ninject.stall = {}",
];

#[test]
fn named_clients_are_struck_and_no_others() {
    for when in WHEN {
        let text = format!("target.clients = ['c2', 'c4']\n{when}");
        assert_eq!(struck(&text, &clients(5)), ["c2", "c4"], "{when}");
    }
}

#[test]
fn without_a_target_everybody_is() {
    for when in WHEN {
        assert_eq!(struck(when, &clients(3)), clients(3), "{when}");
    }
}

#[test]
fn a_share_strikes_so_many_and_the_same_ones_again() {
    let clients = clients(200);
    for when in WHEN {
        let text = format!("target.share = 0.2\n{when}");
        let few = struck(&text, &clients);
        assert!((25..=55).contains(&few.len()), "{} of 200", few.len());
        assert_eq!(struck(&text, &clients), few, "{when}");
        let more = struck(&text.replace("0.2", "0.6"), &clients);
        assert!((95..=145).contains(&more.len()), "{} of 200", more.len());
        assert!(few.iter().all(|client| more.contains(client)), "{when}");
        assert_eq!(struck(&text.replace("0.2", "0.0"), &clients), [""; 0]);
        assert_eq!(struck(&text.replace("0.2", "1.0"), &clients), clients);
    }
}

#[test]
fn of_a_known_population_a_share_strikes_at_least_one() {
    let text = "target.share = 0.001\nat = '1s'\ninject.reset = {}";
    let clients = clients(3);
    let struck = clients.iter().filter(|client| {
        let plan = Plan::new(rules(&[text]), Some(&clients), Seed(7), millis(HORIZON));
        let mut world = World::of(client, 1, plan);
        world.begin();
        world.accept();
        world.to(HORIZON);
        !world.take().is_empty()
    });
    assert_eq!(struck.count(), 1);
}

#[test]
fn a_chance_is_drawn_for_each_attempt_of_a_client() {
    let text = "on.attempt = '1..'\nprobability = 0.3\ninject.reset = {}";
    let is_struck = |attempt: u64| {
        let plan = Plan::new(rules(&[text]), None, Seed(7), millis(HORIZON));
        let mut world = World::of("c1", attempt, plan);
        world.begin();
        world.accept();
        !world.take().is_empty()
    };
    let count = (1..=200).filter(|attempt| is_struck(*attempt)).count();
    assert!((40..=80).contains(&count), "{count} of 200");
    let again = (1..=200).filter(|attempt| is_struck(*attempt)).count();
    assert_eq!(count, again);
}

#[test]
fn a_chance_is_drawn_for_each_time_of_a_rule() {
    let text = "at = '0s'\nevery = '100ms'\nprobability = 0.3\nfor = '50ms'\ninject.stall = {}";
    let mut world = World::begun(rules(&[text]));
    world.to(HORIZON);
    let said = world.take();
    let struck = said.iter().filter(|said| said.contains("struck")).count();
    // 600 times.
    assert!((140..=220).contains(&struck), "{struck} of 600");
    assert_eq!(said.len(), 2 * struck);
}

#[test]
fn one_connection_is_struck_by_its_number() {
    for (number, expect) in [(5, 2), (6, 0)] {
        let mut world = World::begun(Vec::new());
        let reset = Rule::by_hand("one", fault("reset = {}"), Target::Connection(number));
        world.put(reset, None);
        assert_eq!(world.take().len(), expect, "{number}");
    }
}

#[test]
fn rules_about_one_connection_are_known_as_its_own() {
    let mut world = World::begun(Vec::new());
    assert!(!world.machine.has_own_rules());
    let stall = |number| Rule::by_hand("one", fault("stall = {}"), Target::Connection(number));
    world.put(stall(6), None);
    assert!(!world.machine.has_own_rules());
    world.put(stall(5), None);
    assert!(world.machine.has_own_rules());
}

#[test]
fn an_added_rule_draws_its_share_too() {
    let clients = clients(100);
    let is_struck = |client: &&String| {
        let plan = Plan::new(Vec::new(), None, Seed(7), millis(HORIZON));
        let mut world = World::of(client, 1, plan);
        world.begin();
        world.accept();
        world.put(
            rule("target.share = 0.3\nat = '0s'\ninject.reset = {}"),
            None,
        );
        !world.take().is_empty()
    };
    let count = clients.iter().filter(is_struck).count();
    assert!((15..=45).contains(&count), "{count} of 100");
}

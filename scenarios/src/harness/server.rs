//! A server that a test names, in place of the scenario's.

use environment::text::Source;

use super::RunError;
use crate::language::{Scenario, read};

/// The scenario against a server that runs already. Its text says so, too, so
/// that its record can be judged again.
pub(super) fn against(scenario: &Scenario, url: &str) -> Result<Scenario, RunError> {
    let wrong = |why| RunError::Server {
        url: url.to_owned(),
        why,
    };
    let text = with_external(&scenario.text, url).map_err(|error| wrong(error.to_string()))?;
    let source = Source::new(format!("{} against {url}", scenario.id), text);
    let read = read(&source).map_err(|mistakes| wrong(mistakes.rendered))?;
    let mut other = scenario.clone();
    other.server = read.server;
    other.own_server = read.own_server;
    (other.name, other.text) = (read.name, read.text);
    Ok(other)
}

/// A scenario's text with this server and no other.
fn with_external(text: &str, url: &str) -> Result<String, toml::de::Error> {
    let mut table: toml::Table = text.parse()?;
    let mut server = toml::Table::new();
    let given = table.get("server").and_then(|given| given.get("remote"));
    // Whoever may send faults to another machine still may.
    if let Some(remote) = given {
        server.insert("remote".to_owned(), remote.clone());
    }
    server.insert("external".to_owned(), url.into());
    table.insert("server".to_owned(), server.into());
    Ok(table.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::sample::scenario;

    #[test]
    fn the_server_is_another_and_the_rest_is_as_it_was() {
        let text = "[server]\ntick = '50ms'\n[clients]\ncount = 7\n\
            [[fault]]\nat = '1s'\ninject.reset = {}\n[expect]\nmax_live = 1\n";
        let mut given = scenario(text);
        given.start_within = std::time::Duration::from_secs(3);
        let other = against(&given, "ws://127.0.0.1:9/x?y=1").unwrap();
        let address = other.own_server.as_ref().unwrap().address();
        assert_eq!(address.through("h:1", false), "ws://h:1/x?y=1");
        let same = |s: &Scenario| (s.rules.clone(), s.clients.count, s.start_within);
        assert_eq!(same(&other), same(&given));
        let again = read(&Source::new("again", other.text)).unwrap();
        assert_eq!(again.own_server.unwrap().address(), address);
        assert_eq!((again.id, again.rules), (given.id, given.rules));
    }

    #[test]
    fn what_cannot_be_is_told() {
        let given = scenario(
            "[[server_event]]\nat = '1s'\nfor = '1s'\ndo = 'kill'\n[expect]\nmax_live = 1\n",
        );
        let check = |url: &str, part: &str| {
            let error = against(&given, url).unwrap_err().to_string();
            assert!(error.contains(part), "{url}: {error}");
        };
        check(
            "ftp://127.0.0.1:1",
            "ws://host:port/path, http://host:port/path or tcp://host:port",
        );
        check("ws://example.org:80/", "is not on this machine");
        check("ws://127.0.0.1:1/", "chaos cannot kill");
    }
}

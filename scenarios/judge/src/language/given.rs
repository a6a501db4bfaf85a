//! Many scenarios, checked together.
//!
//! Nothing is run unless every one is sound, so all errors of all of them are
//! told at once.

use std::collections::BTreeMap;
use std::path::PathBuf;

use environment::text::{Diagnostics, Source};

use super::read::{Mistakes, read};
use super::scenario::Scenario;

/// Where a scenario's text comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A file.
    File(PathBuf),
    /// The built-in scenarios within the program.
    Embedded,
}

/// One scenario's text.
#[derive(Debug, Clone)]
pub struct Given {
    /// Where it comes from.
    pub origin: Origin,
    /// The text, under the name that its errors are told with.
    pub source: Source,
}

/// Reads every scenario. Two with one id are an error of the second.
///
/// # Errors
/// All errors of all files, in the files' order.
pub fn read_all(given: Vec<Given>) -> Result<Vec<(Given, Scenario)>, Mistakes> {
    let mut mistakes = Mistakes {
        count: 0,
        rendered: String::new(),
    };
    let mut ids: BTreeMap<String, String> = BTreeMap::new();
    let mut sound = Vec::new();
    for one in given {
        let twice = |scenario: &Scenario, ids: &BTreeMap<String, String>| {
            ids.get(&scenario.id)
                .map(|first| second_id(&one.source, scenario, first))
        };
        match read(&one.source) {
            Ok(scenario) => match twice(&scenario, &ids) {
                Some(wrong) => mistakes.add(&wrong),
                None => {
                    ids.insert(scenario.id.clone(), one.source.name().to_owned());
                    sound.push((one, scenario));
                }
            },
            Err(wrong) => mistakes.add(&wrong),
        }
    }
    if mistakes.count == 0 {
        Ok(sound)
    } else {
        Err(mistakes)
    }
}

fn second_id(source: &Source, scenario: &Scenario, first: &str) -> Mistakes {
    let diagnostics = Diagnostics::new();
    let message = format!("the id `{}` is taken by {first}", scenario.id);
    let help = "an id names a folder of results and must be unique in a run";
    diagnostics.error_with_help(scenario.id_span.clone(), message, help);
    Mistakes {
        count: 1,
        rendered: diagnostics.render(source),
    }
}

impl Mistakes {
    fn add(&mut self, more: &Self) {
        self.count += more.count;
        if !self.rendered.is_empty() {
            self.rendered.push('\n');
        }
        self.rendered.push_str(&more.rendered);
    }
}

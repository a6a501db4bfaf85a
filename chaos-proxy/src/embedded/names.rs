//! Which names are taken, and by whom.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::InjectError;
use crate::rule::Rule;

/// The names of a proxy's rules. Each belongs to one claim, from before its rule is
/// in force until after it is gone.
#[derive(Debug, Clone, Default)]
pub(super) struct Names(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    claims: u64,
    taken: BTreeMap<String, Owner>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// The rules that the builder had: indefinitely.
    Plan,
    /// A guard that is there.
    Guard(u64),
    /// A guard that is gone; its rule is about to be.
    Gone(u64),
}

/// The right to some names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Claim(u64);

impl Names {
    /// The names of the builder's rules.
    pub(super) fn planned(rules: &[Rule]) -> Self {
        let names = Self::default();
        let planned = rules.iter().map(|rule| (rule.name.clone(), Owner::Plan));
        names.lock().taken.extend(planned);
        names
    }

    /// Takes the names of all these rules, or none of them. A name whose guard is
    /// gone can be taken.
    pub(super) fn claim(&self, rules: &[Rule]) -> Result<Claim, InjectError> {
        let mut inner = self.lock();
        inner.ensure_free(rules)?;
        inner.claims += 1;
        let claim = inner.claims;
        let names = rules
            .iter()
            .map(|rule| (rule.name.clone(), Owner::Guard(claim)));
        inner.taken.extend(names);
        Ok(Claim(claim))
    }

    /// Whether nobody holds any of these names.
    pub(super) fn ensure_free(&self, rules: &[Rule]) -> Result<(), InjectError> {
        self.lock().ensure_free(rules)
    }

    /// Whoever had the claim is gone: others may have its names.
    pub(super) fn abandon(&self, claim: Claim) {
        let mut inner = self.lock();
        let owners = inner.taken.values_mut();
        owners
            .filter(|owner| **owner == Owner::Guard(claim.0))
            .for_each(|owner| *owner = Owner::Gone(claim.0));
    }

    /// The names of an abandoned claim that nobody else has taken meanwhile.
    pub(super) fn abandoned(&self, claim: Claim) -> Vec<String> {
        let inner = self.lock();
        let ours = inner
            .taken
            .iter()
            .filter(|(_, owner)| **owner == Owner::Gone(claim.0));
        ours.map(|(name, _)| name.clone()).collect()
    }

    /// The rule of this name is gone, and so is the name, unless somebody else has
    /// taken it meanwhile.
    pub(super) fn release(&self, claim: Claim, name: &str) {
        let mut inner = self.lock();
        if inner.taken.get(name) == Some(&Owner::Gone(claim.0)) {
            inner.taken.remove(name);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn ensure_free(&self, rules: &[Rule]) -> Result<(), InjectError> {
        let is_held = |name: &str| {
            let owner = self.taken.get(name);
            owner.is_some_and(|owner| !matches!(owner, Owner::Gone(_)))
        };
        match rules.iter().find(|rule| is_held(&rule.name)) {
            Some(rule) => Err(InjectError::NameTaken {
                name: rule.name.clone(),
            }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Fault, Way};

    fn rules(names: &[&str]) -> Vec<Rule> {
        let stall = |name: &&str| Rule::new(*name, Fault::Stall(Way::Both));
        names.iter().map(stall).collect()
    }

    fn taken(name: &str) -> InjectError {
        InjectError::NameTaken {
            name: name.to_owned(),
        }
    }

    #[test]
    fn all_names_are_taken_or_none() {
        let names = Names::planned(&rules(&["planned"]));
        assert_eq!(
            names.claim(&rules(&["a", "planned"])),
            Err(taken("planned"))
        );
        let first = names.claim(&rules(&["a", "b"])).unwrap();
        assert_eq!(names.claim(&rules(&["c", "b"])), Err(taken("b")));
        names.abandon(first);
        assert_eq!(names.abandoned(first), ["a", "b"]);
        assert!(names.claim(&rules(&["a", "b", "c"])).is_ok());
    }

    #[test]
    fn who_is_gone_releases_nothing_of_those_who_came_after() {
        let names = Names::default();
        let first = names.claim(&rules(&["a", "b"])).unwrap();
        names.abandon(first);
        let second = names.claim(&rules(&["a"])).unwrap();
        assert_eq!(names.abandoned(first), ["b"]);
        names.release(first, "a");
        names.release(first, "b");
        assert_eq!(names.ensure_free(&rules(&["a"])), Err(taken("a")));
        names.abandon(second);
        assert_eq!(names.abandoned(second), ["a"]);
    }

    #[test]
    fn who_is_there_has_abandoned_nothing() {
        let names = Names::default();
        let claim = names.claim(&rules(&["a"])).unwrap();
        assert!(names.abandoned(claim).is_empty());
        names.release(claim, "a");
        assert_eq!(names.ensure_free(&rules(&["a"])), Err(taken("a")));
    }
}

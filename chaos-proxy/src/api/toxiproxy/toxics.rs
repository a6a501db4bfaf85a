//! The toxics of one proxy: one name space over both streams.

use serde::ser::{Serialize, Serializer};

use super::body::{ToxicBody, ToxicChange};
use super::refusal::Refusal;
use super::toxic::Toxic;
use crate::fault::Way;

/// In the order in which they were added.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Toxics(Vec<Toxic>);

impl Toxics {
    /// The toxic that this body asks for, if it may be added.
    pub(crate) fn check(&self, body: &ToxicBody<'_>) -> Result<Toxic, Refusal> {
        let draft = body.draft()?;
        if self.find(&draft.name).is_some() {
            return Err(Refusal::ToxicExists);
        }
        body.finish(draft)
    }

    /// Adds what [`Toxics::check`] gave.
    pub(crate) fn add(&mut self, toxic: Toxic) {
        self.0.push(toxic);
    }

    /// The toxic of that name as `change` wants it; nothing is changed yet.
    pub(crate) fn changed(&self, name: &str, change: &ToxicChange<'_>) -> Result<Toxic, Refusal> {
        change.apply(self.get(name)?)
    }

    /// Puts this one in the place of the one of its name.
    pub(crate) fn replace(&mut self, toxic: Toxic) {
        if let Some(old) = self.0.iter_mut().find(|old| old.name == toxic.name) {
            *old = toxic;
        }
    }

    /// Takes one out.
    pub(crate) fn remove(&mut self, name: &str) -> Result<Toxic, Refusal> {
        let found = self.0.iter().position(|toxic| toxic.name == name);
        found
            .map(|index| self.0.remove(index))
            .ok_or(Refusal::ToxicNotFound)
    }

    /// One of them.
    pub(crate) fn get(&self, name: &str) -> Result<&Toxic, Refusal> {
        self.find(name).ok_or(Refusal::ToxicNotFound)
    }

    fn find(&self, name: &str) -> Option<&Toxic> {
        self.0.iter().find(|toxic| toxic.name == name)
    }

    /// All of them, those of the upstream first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Toxic> {
        let of = |way| self.0.iter().filter(move |toxic| toxic.stream.way() == way);
        of(Way::Upstream).chain(of(Way::Downstream))
    }

    /// All of them, taken out.
    pub(crate) fn clear(&mut self) -> Vec<Toxic> {
        std::mem::take(&mut self.0)
    }
}

impl Serialize for Toxics {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.iter())
    }
}

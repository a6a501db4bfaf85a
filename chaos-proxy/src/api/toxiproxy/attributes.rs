//! A toxic's attributes: whole numbers by name, which depend on its type.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::json::{Mistake, Object};
use super::kind::Kind;

/// No type has more attributes.
const MOST: usize = 3;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Attributes {
    kind: Kind,
    values: [i64; MOST],
}

impl Attributes {
    /// All zero.
    pub(crate) fn new(kind: Kind) -> Self {
        Self {
            kind,
            values: [0; MOST],
        }
    }

    /// The type that they are of.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// These, with what `fields` says; what it leaves out stays.
    pub(crate) fn merged(&self, fields: &Object<'_>) -> Result<Self, Mistake> {
        let mut merged = *self;
        for (value, field) in merged.values.iter_mut().zip(self.kind.fields()) {
            if let Some(read) = fields.integer(field)? {
                *value = read;
            }
        }
        Ok(merged)
    }

    /// The attributes in the order of [`Kind::fields`]; those that are not there
    /// are 0.
    pub(crate) fn values(&self) -> [i64; MOST] {
        self.values
    }
}

impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let fields = self.kind.fields();
        let mut map = to.serialize_map(Some(fields.len()))?;
        for (field, value) in fields.iter().zip(self.values) {
            map.serialize_entry(field, &value)?;
        }
        map.end()
    }
}

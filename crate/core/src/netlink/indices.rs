//! Indices of links by name, as far as they were looked up.

use super::link::LinkRef;
use crate::error::{Error, ErrorCode, Result};
use std::collections::HashMap;

/// The names that are known.
#[derive(Debug, Default)]
pub(super) struct Indices(HashMap<String, u32>);

impl Indices {
    /// Creates a table with one name.
    pub(super) fn knowing(name: &str, index: u32) -> Self {
        Self(HashMap::from([(name.to_owned(), index)]))
    }

    /// Adds a name.
    pub(super) fn learn(&mut self, name: String, index: u32) {
        self.0.insert(name, index);
    }

    /// Removes all names.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }

    /// Returns whether the link does not need to be looked up.
    pub(super) fn knows(&self, link: &LinkRef) -> bool {
        match link {
            LinkRef::Index(_) => true,
            LinkRef::Name(name) => self.0.contains_key(name),
        }
    }

    /// Returns the index of a known link.
    pub(super) fn of(&self, link: &LinkRef) -> Result<u32> {
        match link {
            LinkRef::Index(index) => Ok(*index),
            LinkRef::Name(name) => self.0.get(name).copied().ok_or_else(|| {
                Error::new(ErrorCode::NotFound, "look up", name, "no interface has that name")
            }),
        }
    }
}

//! Indices of links by their names, as far as they were looked up.

use super::link::LinkRef;
use crate::error::{Error, ErrorCode, Result};
use std::collections::HashMap;

/// What is known of names.
#[derive(Debug, Default)]
pub(super) struct Indices(HashMap<String, u32>);

impl Indices {
    /// One name.
    pub(super) fn knowing(name: &str, index: u32) -> Self {
        Self(HashMap::from([(name.to_owned(), index)]))
    }

    /// Remembers a name.
    pub(super) fn learn(&mut self, name: String, index: u32) {
        self.0.insert(name, index);
    }

    /// Forgets all names.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }

    /// Whether the link need not be looked up.
    pub(super) fn knows(&self, link: &LinkRef) -> bool {
        match link {
            LinkRef::Index(_) => true,
            LinkRef::Name(name) => self.0.contains_key(name),
        }
    }

    /// The index of a link that is known.
    pub(super) fn of(&self, link: &LinkRef) -> Result<u32> {
        match link {
            LinkRef::Index(index) => Ok(*index),
            LinkRef::Name(name) => self.0.get(name).copied().ok_or_else(|| {
                Error::new(ErrorCode::NotFound, "look up", name, "no interface has that name")
            }),
        }
    }
}

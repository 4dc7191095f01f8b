//! Owners and groups of a device, by name or by number.

use crate::error::{Error, ErrorCode, Result};
use crate::sys::users;

/// The number that the kernel uses for "not set": a user or group cannot have it.
const NONE: u32 = u32::MAX;

/// Returns the number of a user.
pub fn user(name: &str) -> Result<u32> {
    let found =
        users::user(name).map_err(|e| Error::os("look up the user", name, "getpwnam_r", &e))?;
    found.map(|ids| ids.uid).or_else(|| number(name)).ok_or_else(|| unknown("user", name))
}

/// Returns the number of a group.
pub fn group(name: &str) -> Result<u32> {
    let found =
        users::group(name).map_err(|e| Error::os("look up the group", name, "getgrnam_r", &e))?;
    found.or_else(|| number(name)).ok_or_else(|| unknown("group", name))
}

fn number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|number| *number != NONE)
}

fn unknown(what: &'static str, name: &str) -> Error {
    Error::new(
        ErrorCode::NotFound,
        format!("look up the {what}"),
        format!("{name:?}"),
        format!("there is no such {what}"),
    )
    .with_advice(format!("give a name or a number from 0 to {}", NONE - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        assert_eq!(user("root").unwrap(), 0);
        assert_eq!(group("root").unwrap(), 0);
        assert_eq!(user("4294967294").unwrap(), 4_294_967_294);
        assert_eq!(group("7").unwrap(), 7);
    }

    #[test]
    fn what_nobody_is_called_is_refused() {
        for name in ["no-such-name-here", "", "-1", "4294967295", "0x10"] {
            assert_eq!(user(name).unwrap_err().code(), ErrorCode::NotFound, "{name:?}");
            assert_eq!(group(name).unwrap_err().code(), ErrorCode::NotFound, "{name:?}");
        }
    }
}

//! Interface names, by the rules of dev_valid_name() in net/core/dev.c.

use crate::error::{Error, ErrorCode, Result};

/// Bytes of a name, without its trailing NUL.
pub const MAX_NAME: usize = libc::IFNAMSIZ - 1;

/// Refuses a name that the kernel would refuse as `EINVAL`, and states the reason.
///
/// A template such as `vpn%d` is accepted: the kernel inserts the first free number.
pub fn check_name(name: &str) -> Result<()> {
    let problem = if name.is_empty() {
        "it is empty"
    } else if name.len() > MAX_NAME {
        "it is longer than 15 bytes"
    } else if name == "." || name == ".." {
        "it is a path component"
    } else if name.bytes().any(|byte| matches!(byte, b'/' | b':') || byte.is_ascii_whitespace()) {
        "it holds '/', ':' or a blank"
    } else if name.bytes().any(|byte| byte.is_ascii_control() || byte == 0x0b) {
        "it holds a control character"
    } else if name.replacen("%d", "", 1).contains('%') {
        "its '%' is not one single %d"
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorCode::InvalidName, "use the interface name", format!("{name:?}"), problem)
        .with_advice("use 1 to 15 bytes such as tun0, or a template with one %d such as vpn%d"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_kernel_takes() {
        for name in ["tun0", "vpn%d", "%d", "a", "abcdefghijklmno", "tun-é"] {
            assert!(check_name(name).is_ok(), "{name:?}");
        }
    }

    #[test]
    fn names_the_kernel_refuses() {
        let refused =
            ["", ".", "..", "a/b", "a:b", "a b", "a\tb", "abcdefghijklmnop", "a%s", "%d%d", "a\0"];
        for name in refused {
            let error = check_name(name).expect_err(name);
            assert_eq!(error.code(), ErrorCode::InvalidName, "{name:?}");
        }
    }
}

//! Attributes that this package does not interpret, kept as the kernel sent them.
//!
//! An object that is listed, changed and sent back keeps these attributes, for example an encapsulation.
//! The kernel that sent an attribute understands it.

use super::codec::{Flagged, Message};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt::Write;

/// An attribute that this package does not interpret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OtherAttribute {
    /// Its type: `RTA_ENCAP` = 22 (linux/rtnetlink.h), for example.
    #[serde(rename = "type")]
    pub kind: u16,
    /// The kernel marked it as an attribute that contains attributes (`NLA_F_NESTED`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub nested: bool,
    /// Its payload; two hexadecimal digits per byte in JSON.
    #[serde(serialize_with = "to_hex", deserialize_with = "from_hex")]
    pub value: Vec<u8>,
}

impl From<Flagged<'_>> for OtherAttribute {
    fn from(attribute: Flagged<'_>) -> Self {
        let Flagged { kind, is_nested, payload } = attribute;
        Self { kind, nested: is_nested, value: payload.to_vec() }
    }
}

/// Appends attributes as the kernel sent them.
pub(super) fn put(message: &mut Message, attributes: &[OtherAttribute]) {
    for OtherAttribute { kind, nested, value } in attributes {
        if *nested {
            message.nest(*kind, |message| message.raw(value));
        } else {
            message.put(*kind, value.as_slice());
        }
    }
}

/// Returns whether `all` contains each of `wanted`.
pub(super) fn has_all(all: &[OtherAttribute], wanted: &[OtherAttribute]) -> bool {
    wanted.iter().all(|attribute| all.contains(attribute))
}

fn to_hex<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        write!(text, "{byte:02x}").map_err(serde::ser::Error::custom)?;
    }
    serializer.serialize_str(&text)
}

fn from_hex<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let wrong = || D::Error::custom(format!("{text:?} is not two hexadecimal digits per byte"));
    let digit = |digit: &u8| char::from(*digit).to_digit(16).and_then(|one| u8::try_from(one).ok());
    let byte = |pair: &[u8]| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    };
    text.as_bytes().chunks(2).map(|pair| byte(pair).ok_or_else(wrong)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::codec::{Attributes, messages};
    use super::*;

    #[test]
    fn an_attribute_comes_back_as_it_was() {
        let given =
            r#"[{"type":22,"nested":true,"value":"08000100ff00a01b"},{"type":21,"value":""}]"#;
        let attributes: Vec<OtherAttribute> = serde_json::from_str(given).unwrap();
        assert_eq!(serde_json::to_string(&attributes).unwrap(), given);
        let mut message = Message::new(24, 0, &[]);
        put(&mut message, &attributes);
        let bytes = message.finish(1).unwrap();
        let view = messages(&bytes).next().unwrap().unwrap();
        let read = Attributes::within(view.payload).flagged().map(|one| one.unwrap().into());
        assert_eq!(read.collect::<Vec<OtherAttribute>>(), attributes);
        for wrong in ["\"1\"", "\"xx\"", "\"0g\"", "\"é\"", "\"+1\"", "1"] {
            let text = format!(r#"{{"type":1,"value":{wrong}}}"#);
            assert!(serde_json::from_str::<OtherAttribute>(&text).is_err(), "{wrong}");
        }
    }
}

//! The meaning of a message for the request that it replies to.

use super::{Attributes, HEADER_BYTES, Malformed, MessageView, head, padded, text, value};

/// `NLM_F_CAPPED` (linux/netlink.h): the reply contains only the header of the refused request.
const CAPPED: u16 = 0x100;
/// `NLM_F_ACK_TLVS` (linux/netlink.h): the reply contains the kernel's explanation.
const ACK_TLVS: u16 = 0x200;

/// `NLMSGERR_ATTR_MSG`, `NLMSGERR_ATTR_OFFS`, `NLMSGERR_ATTR_MISS_TYPE` (linux/netlink.h).
const ATTR_MSG: u16 = 1;
const ATTR_OFFS: u16 = 2;
const ATTR_MISS_TYPE: u16 = 5;

/// A message, classified by its meaning for the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply<'a> {
    /// An object of the kernel's tables.
    Object(MessageView<'a>),
    /// The request is done, or there are no more objects.
    Done,
    /// The request is refused.
    Refused(Refusal),
    /// Messages were lost: `NLMSG_OVERRUN`.
    Overrun,
    /// No content: `NLMSG_NOOP`.
    Nothing,
}

/// Why a request was refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The error number, positive.
    pub errno: i32,
    /// The kernel's explanation.
    pub text: Option<String>,
    /// The position in the request where the offending attribute begins, bytes.
    pub offset: Option<u32>,
    /// The type of a required attribute that the request lacks.
    pub missing: Option<u32>,
}

/// Classifies a message.
///
/// # Errors
///
/// The message is of a type with a fixed part, and ends within that part.
pub fn reply(message: MessageView<'_>) -> Result<Reply<'_>, Malformed> {
    let kind = i32::from(message.kind);
    match kind {
        libc::NLMSG_NOOP => Ok(Reply::Nothing),
        libc::NLMSG_OVERRUN => Ok(Reply::Overrun),
        libc::NLMSG_ERROR => {
            let explanations = explanations_of_error(message)?;
            ended(message, explanations)
        }
        // Older kernels send it without the number.
        libc::NLMSG_DONE if message.payload.is_empty() => Ok(Reply::Done),
        libc::NLMSG_DONE => ended(message, message.payload.get(4..).unwrap_or_default()),
        _ => Ok(Reply::Object(message)),
    }
}

fn ended<'a>(message: MessageView<'a>, explanations: &[u8]) -> Result<Reply<'a>, Malformed> {
    let number = head::<i32>(message.payload, 0).ok_or(Malformed::Short)?;
    // At the end of a dump any number that is not negative means success.
    if number >= 0 {
        return Ok(Reply::Done);
    }
    let mut refusal = Refusal { errno: number.saturating_neg(), ..Refusal::default() };
    if message.flags & ACK_TLVS != 0 {
        let attributes = Attributes::within(explanations);
        refusal.text = attributes.find(ATTR_MSG).map(text).filter(|text| !text.is_empty());
        refusal.offset = attributes.find(ATTR_OFFS).and_then(value);
        refusal.missing = attributes.find(ATTR_MISS_TYPE).and_then(value);
    }
    Ok(Reply::Refused(refusal))
}

/// Returns the explanations of a `struct nlmsgerr`. They follow a number and the request (only its header
/// if capped).
fn explanations_of_error(message: MessageView<'_>) -> Result<&[u8], Malformed> {
    let request = message.payload.get(4..).ok_or(Malformed::Short)?;
    let length = if message.flags & CAPPED == 0 && message.flags & ACK_TLVS != 0 {
        let claimed = head::<u32>(request, 0).ok_or(Malformed::Short)?;
        usize::try_from(claimed).map_err(|_| Malformed::MessageLength)?.max(HEADER_BYTES)
    } else {
        HEADER_BYTES
    };
    Ok(padded(length).and_then(|end| request.get(end..)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(flags: u16, payload: &[u8]) -> Result<Reply<'_>, Malformed> {
        reply(MessageView { kind: libc::NLMSG_ERROR as u16, flags, sequence: 1, payload })
    }

    #[test]
    fn acknowledgements_and_refusals() {
        assert_eq!(error(0, &[0; 20]), Ok(Reply::Done));
        let refused = [(-17_i32).to_ne_bytes().to_vec(), vec![0; 16]].concat();
        let refusal = Refusal { errno: 17, ..Refusal::default() };
        assert_eq!(error(CAPPED, &refused), Ok(Reply::Refused(refusal)));
        assert_eq!(error(0, &[1, 2]), Err(Malformed::Short));
    }

    #[test]
    fn explanations_lie_behind_the_request() {
        let mut bytes = (-22_i32).to_ne_bytes().to_vec();
        bytes.extend(20_u32.to_ne_bytes());
        bytes.extend([0; 16]);
        for (kind, payload) in [(ATTR_MSG, &b"why\0"[..]), (ATTR_OFFS, &32_u32.to_ne_bytes())] {
            bytes.extend([8_u16.to_ne_bytes(), kind.to_ne_bytes()].concat());
            bytes.extend(payload);
        }
        let refusal = Refusal {
            errno: 22,
            text: Some("why".to_owned()),
            offset: Some(32),
            ..Refusal::default()
        };
        assert_eq!(error(ACK_TLVS, &bytes), Ok(Reply::Refused(refusal)));
    }

    #[test]
    fn the_smallest_number_does_not_overflow() {
        let bytes = [i32::MIN.to_ne_bytes().to_vec(), vec![0; 16]].concat();
        let refusal = Refusal { errno: i32::MAX, ..Refusal::default() };
        assert_eq!(error(0, &bytes), Ok(Reply::Refused(refusal)));
    }
}

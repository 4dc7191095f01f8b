//! What a message says of the request that it answers.

use super::{Attributes, HEADER_BYTES, Malformed, MessageView, head, padded, text, value};

/// `NLM_F_CAPPED` (linux/netlink.h): only the header of the refused request is given back.
const CAPPED: u16 = 0x100;
/// `NLM_F_ACK_TLVS` (linux/netlink.h): the kernel explains itself.
const ACK_TLVS: u16 = 0x200;

/// `NLMSGERR_ATTR_MSG`, `NLMSGERR_ATTR_OFFS`, `NLMSGERR_ATTR_MISS_TYPE` (linux/netlink.h).
const ATTR_MSG: u16 = 1;
const ATTR_OFFS: u16 = 2;
const ATTR_MISS_TYPE: u16 = 5;

/// A message, by what it is for the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply<'a> {
    /// An object of the kernel's tables.
    Object(MessageView<'a>),
    /// It is done, or there are no more objects.
    Done,
    /// It is refused.
    Refused(Refusal),
    /// Messages were lost: `NLMSG_OVERRUN`.
    Overrun,
    /// Nothing: `NLMSG_NOOP`.
    Nothing,
}

/// Why a request was refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// Positive.
    pub errno: i32,
    /// The kernel's explanation.
    pub text: Option<String>,
    /// Where in the request the offending attribute begins, bytes.
    pub offset: Option<u32>,
    /// The type of an attribute that the request should have had.
    pub missing: Option<u32>,
}

/// Reads what a message says.
///
/// # Errors
///
/// The message is of a kind that has a fixed part, and breaks off within it.
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
    // Of a dump it is not negative when all went well; only its being negative has a meaning.
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

/// `struct nlmsgerr`: a number, the request (its header alone if capped), and the explanations.
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

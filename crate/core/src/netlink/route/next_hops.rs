//! Looks up nexthop objects: `ip nexthop`.

use crate::error::{ErrorCode, Result};
use crate::netlink::codec::{Attributes, Message, RTM_GETNEXTHOP, head, nha, value};
use crate::netlink::connection::{Connection, Request};
use crate::netlink::context::Context;

/// Bytes of `struct nhmsg` (linux/nexthop.h).
const HEAD_BYTES: usize = 8;
/// Bytes of `struct nexthop_grp` (linux/nexthop.h). It begins with the number of the object.
const MEMBER_BYTES: usize = 8;

/// The parts of a nexthop object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct NextHopObject {
    /// Index of its interface.
    interface: Option<u32>,
    /// Numbers of the objects in it, if it is a group.
    members: Vec<u32>,
}

/// Returns the indices of the interfaces of a nexthop object: that of a single next hop, or those of all members of a
/// group. A group does not contain groups (`nh_check_attr_group`, net/ipv4/nexthop.c).
pub(super) async fn interfaces(connection: &Connection, id: u32) -> Result<Vec<u32>> {
    let Some(object) = get(connection, id).await? else { return Ok(Vec::new()) };
    let mut found: Vec<u32> = object.interface.into_iter().collect();
    for member in object.members {
        found.extend(get(connection, member).await?.and_then(|member| member.interface));
    }
    Ok(found)
}

/// Returns a nexthop object; `None` if it was deleted.
async fn get(connection: &Connection, id: u32) -> Result<Option<NextHopObject>> {
    let mut message = Message::new(RTM_GETNEXTHOP, libc::NLM_F_ACK, &[0; HEAD_BYTES]);
    message.put(nha::ID, &id);
    let context = Context::new("look up the nexthop object", id.to_string(), "RTM_GETNEXTHOP");
    match connection.exchange(Request::new(message, context.clone())).await {
        Ok(reply) => read(&reply.unwrap_or_default())
            .map(Some)
            .ok_or_else(|| context.malformed("the reply is not a nexthop object")),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads a nexthop object; `None` if the message is malformed.
fn read(payload: &[u8]) -> Option<NextHopObject> {
    let mut object = NextHopObject::default();
    for attribute in Attributes::behind(payload, HEAD_BYTES).ok()? {
        match attribute.ok()? {
            (nha::OIF, payload) => object.interface = value(payload),
            (nha::GROUP, payload) => {
                let members = payload.chunks_exact(MEMBER_BYTES);
                object.members = members.filter_map(|member| head(member, 0)).collect();
            }
            _ => {}
        }
    }
    Some(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![0; HEAD_BYTES];
        for (kind, payload) in attributes {
            bytes.extend((payload.len() as u16 + 4).to_ne_bytes());
            bytes.extend(kind.to_ne_bytes());
            bytes.extend(*payload);
        }
        bytes
    }

    #[test]
    fn an_object_has_an_interface_or_members() {
        let single = payload(&[(nha::ID, &1_u32.to_ne_bytes()), (nha::OIF, &7_u32.to_ne_bytes())]);
        let expected = NextHopObject { interface: Some(7), members: Vec::new() };
        assert_eq!(read(&single), Some(expected));
        let mut members = Vec::new();
        for id in [5_u32, 70_000] {
            members.extend(id.to_ne_bytes());
            members.extend([9; 4]);
        }
        let group = payload(&[(nha::GROUP, &members)]);
        let expected = NextHopObject { interface: None, members: vec![5, 70_000] };
        assert_eq!(read(&group), Some(expected));
    }

    #[test]
    fn a_malformed_object_is_none() {
        let whole = payload(&[(nha::OIF, &7_u32.to_ne_bytes())]);
        assert_eq!(read(&whole[..HEAD_BYTES - 1]), None);
        assert_eq!(read(&whole[..whole.len() - 1]), None);
        assert_eq!(read(&whole[..HEAD_BYTES]), Some(NextHopObject::default()));
    }
}

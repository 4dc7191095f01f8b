//! A reader of pcapng, written from draft-ietf-opsawg-pcapng and independent of the writer.

use std::collections::HashMap;

/// A packet of a file.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) interface: usize,
    /// Nanoseconds since 1970.
    pub(crate) time: u64,
    pub(crate) data: Vec<u8>,
    pub(crate) original_len: usize,
    pub(crate) comment: Option<String>,
    /// 1: inbound, 2: outbound.
    pub(crate) direction: u32,
}

/// An interface of a file.
#[derive(Clone, Debug)]
pub(crate) struct Interface {
    pub(crate) link: u16,
    pub(crate) snap_length: u32,
    pub(crate) name: String,
}

/// The contents of a file.
#[derive(Debug, Default)]
pub(crate) struct File {
    pub(crate) application: String,
    pub(crate) interfaces: Vec<Interface>,
    pub(crate) packets: Vec<Packet>,
    /// The last statistics of each interface, by option: 4 ifrecv, 5 ifdrop, 6 filteraccept, 8 usrdeliv.
    pub(crate) statistics: HashMap<usize, HashMap<u16, u64>>,
    /// Bytes of the last block if it is not complete.
    pub(crate) torn: usize,
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn options(mut bytes: &[u8]) -> HashMap<u16, Vec<u8>> {
    let mut found = HashMap::new();
    while !bytes.is_empty() {
        let code = u16::from_le_bytes([bytes[0], bytes[1]]);
        let len = usize::from(u16::from_le_bytes([bytes[2], bytes[3]]));
        if code == 0 {
            assert_eq!(
                (len, bytes.len()),
                (0, 4),
                "the end of the options is the end of the block"
            );
            return found;
        }
        assert!(found.insert(code, bytes[4..4 + len].to_vec()).is_none(), "option {code} twice");
        bytes = &bytes[4 + len.next_multiple_of(4)..];
    }
    panic!("options without an end");
}

fn text(bytes: Option<&Vec<u8>>) -> Option<String> {
    bytes.map(|bytes| String::from_utf8(bytes.clone()).unwrap())
}

fn long(high: u32, low: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

/// Reads a file. Panics if anything but its last block is malformed.
pub(crate) fn read(mut bytes: &[u8]) -> File {
    let mut file = File::default();
    let mut is_first = true;
    while !bytes.is_empty() {
        let len = if bytes.len() < 8 { usize::MAX } else { word(bytes, 4) as usize };
        if bytes.len() < len {
            file.torn = bytes.len();
            break;
        }
        assert!(len % 4 == 0 && len >= 12, "a block of {len} bytes");
        assert_eq!(word(bytes, len - 4) as usize, len, "both lengths");
        let (kind, body) = (word(bytes, 0), &bytes[8..len - 4]);
        assert_eq!(is_first, kind == 0x0a0d_0d0a, "the section header comes first");
        is_first = false;
        match kind {
            0x0a0d_0d0a => {
                assert_eq!((word(body, 0), word(body, 4)), (0x1a2b_3c4d, 1), "1.0");
                assert_eq!(body[8..16], [0xff; 8]);
                file.application = text(options(&body[16..]).get(&4)).unwrap();
            }
            1 => {
                let found = options(&body[8..]);
                assert_eq!(found[&9], [9], "nanoseconds");
                let link = u16::from_le_bytes([body[0], body[1]]);
                let name = text(found.get(&2)).unwrap();
                file.interfaces.push(Interface { link, snap_length: word(body, 4), name });
            }
            6 => file.packets.push(packet(body)),
            5 => {
                let counts = options(&body[12..]).into_iter().filter(|(code, _)| *code >= 4);
                let counts = counts
                    .map(|(code, value)| (code, u64::from_le_bytes(value.try_into().unwrap())));
                file.statistics.insert(word(body, 0) as usize, counts.collect());
            }
            _ => panic!("an unknown block {kind}"),
        }
        bytes = &bytes[len..];
    }
    for packet in &file.packets {
        let interface = &file.interfaces[packet.interface];
        assert!(packet.data.len() <= packet.original_len);
        assert!(packet.data.len() <= interface.snap_length as usize);
    }
    file
}

fn packet(body: &[u8]) -> Packet {
    let len = word(body, 12) as usize;
    let found = options(&body[20 + len.next_multiple_of(4)..]);
    Packet {
        interface: word(body, 0) as usize,
        time: long(word(body, 4), word(body, 8)),
        data: body[20..20 + len].to_vec(),
        original_len: word(body, 16) as usize,
        comment: text(found.get(&1)),
        direction: word(&found[&2], 0) & 3,
    }
}

impl File {
    /// Returns the packets of an interface and direction.
    pub(crate) fn of(&self, name: &str, direction: u32) -> Vec<&Packet> {
        let of_side = |packet: &&Packet| {
            self.interfaces[packet.interface].name == name && packet.direction == direction
        };
        self.packets.iter().filter(of_side).collect()
    }
}

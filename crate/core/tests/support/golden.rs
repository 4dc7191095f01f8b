//! Packets and super-packets as literal bytes, from the files in `fuzz/golden`.
//!
//! Each line has a word and its values; lines that begin with a blank continue the previous one:
//!
//! - `#`: a description;
//! - `way split`, `way join` or `way both`: super-packets become the packets, the packets become
//!   super-packets, or either;
//! - `fields`: flags, gso_type, hdr_len, gso_size, csum_start and csum_offset of a
//!   `struct virtio_net_hdr`, decimal, and `vnet`: the same as bytes, little-endian;
//! - `super`: the packet behind the header; `packet`: a packet.

use std::path::Path;

/// A header as fields and as bytes, and the packet behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Super {
    pub(crate) fields: Vec<u16>,
    pub(crate) vnet: Vec<u8>,
    pub(crate) packet: Vec<u8>,
}

/// One file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Golden {
    pub(crate) name: String,
    pub(crate) can_split: bool,
    pub(crate) can_join: bool,
    pub(crate) supers: Vec<Super>,
    pub(crate) packets: Vec<Vec<u8>>,
}

/// Reads all files, sorted by name.
pub(crate) fn all() -> Vec<Golden> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/golden");
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Golden {
    let text = std::fs::read_to_string(path).expect("a golden file");
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut golden = Golden { name, ..Golden::default() };
    // A line that begins with a blank continues the previous one.
    for line in text.replace("\n ", " ").lines().filter(|line| !line.starts_with('#')) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        golden.add(word, rest);
    }
    assert!(golden.can_split || golden.can_join, "{}: no way", golden.name);
    golden
}

impl Golden {
    fn add(&mut self, word: &str, rest: &str) {
        let digits = || rest.split_whitespace();
        let hex = || digits().map(|byte| u8::from_str_radix(byte, 16).expect("hex")).collect();
        let last = self.supers.last_mut();
        match word {
            "way" => {
                self.can_split = matches!(rest.trim(), "split" | "both");
                self.can_join = matches!(rest.trim(), "join" | "both");
            }
            "fields" => {
                let fields = digits().map(|field| field.parse().expect("a number")).collect();
                self.supers.push(Super { fields, ..Super::default() });
            }
            "vnet" => last.expect("fields before vnet").vnet = hex(),
            "super" => last.expect("fields before super").packet = hex(),
            "packet" => self.packets.push(hex()),
            _ => panic!("{}: {word:?} is not a word of a golden file", self.name),
        }
    }
}

//! Modules of `tests/support` that this test uses.

#[path = "../support/golden.rs"]
pub(crate) mod golden;
#[path = "../support/os.rs"]
pub(crate) mod os;
#[path = "../support/packet_socket.rs"]
pub(crate) mod packet_socket;
#[path = "../support/plain_tun.rs"]
pub(crate) mod plain_tun;
#[path = "../support/refusal.rs"]
pub(crate) mod refusal;
#[path = "../support/room.rs"]
pub(crate) mod room;

//! Reads on a kernel that refuses io_uring, and reads that fail.

use crate::refusal::{self, Verdict};
use crate::room::{TestNamespace, skip};
use crate::traffic::{Reading, SLAB, Traffic, mixed, readers, skips};
use std::os::fd::AsRawFd;
use tun2udp_core::backoff::Backoff;
use tun2udp_core::port::{Form, Reader};

#[test]
fn packets_come_one_by_one_where_the_kernel_gives_no_ring() {
    if skips() || skip::because(refusal::missing()) {
        return;
    }
    let refusals = [
        (libc::SYS_io_uring_setup, libc::ENOSYS),
        (libc::SYS_io_uring_setup, libc::EPERM),
        (libc::SYS_io_uring_register, libc::ENOMEM),
        (libc::SYS_io_uring_enter, libc::EINVAL),
        (libc::SYS_io_uring_enter, libc::EPERM),
    ];
    for (call, errno) in refusals {
        for (reader, vnet_len) in readers() {
            TestNamespace::enter(|place| {
                let mut traffic = Traffic::new(place, vnet_len);
                traffic.send(500, mixed);
                let mut reading = Reading::new(reader.with_io_uring(true), SLAB, 256);
                refusal::under(
                    &[call],
                    move |_| Verdict::Refuse(errno),
                    || {
                        reading.drain(&traffic.device, Form::Cut);
                        assert!(reading.payloads == traffic.sent, "{call} {errno}");
                        assert_eq!(reading.reader.counters().via_io_uring, 0);
                    },
                );
            });
        }
    }
}

/// Only a deleted interface ends the reading; any other failure is counted and is temporary.
#[test]
fn every_errno_of_a_read_but_that_of_a_deleted_interface_is_counted_and_passes() {
    if skips() || skip::because(refusal::missing()) {
        return;
    }
    let uncounted = [libc::EINTR, libc::EAGAIN];
    TestNamespace::enter(|place| {
        let mut traffic = Traffic::new(place, 0);
        let fd = traffic.device.as_raw_fd() as u64;
        for errno in (1..=133).filter(|errno| *errno != libc::EBADFD) {
            traffic.sent.clear();
            traffic.send(3, mixed);
            let mut reading = Reading::new(Reader::whole(), SLAB, 256);
            let mut left = 2;
            let judge = move |call: &refusal::Call| {
                if call.arguments[0] != fd || left == 0 {
                    return Verdict::Pass;
                }
                left -= 1;
                Verdict::Refuse(errno)
            };
            refusal::under(&[libc::SYS_read], judge, || {
                // EAGAIN means that the device is empty: the reader tries again once it is readable.
                while reading.payloads.len() < 3 {
                    reading.step(&traffic.device, Form::Cut).unwrap();
                }
            });
            assert!(reading.payloads == traffic.sent, "{errno}");
            let expected = if uncounted.contains(&errno) { 0 } else { 2 };
            assert_eq!(reading.reader.counters().errors, expected, "{errno}");
        }
    });
}

#[test]
fn packets_are_read_several_at_a_time_again_once_the_kernel_lets_them() {
    if skips() || skip::because(refusal::missing()) {
        return;
    }
    for call in [libc::SYS_io_uring_setup, libc::SYS_io_uring_enter] {
        TestNamespace::enter(|place| {
            let mut traffic = Traffic::new(place, 0);
            let mut reading = Reading::new(Reader::whole().with_io_uring(true), SLAB, 256);
            let mut left = 1;
            let judge = move |_: &refusal::Call| {
                left -= 1;
                if left >= 0 { Verdict::Refuse(libc::ENOMEM) } else { Verdict::Pass }
            };
            refusal::under(&[call], judge, || {
                traffic.send(400, mixed);
                reading.drain(&traffic.device, Form::Cut);
                assert_eq!(reading.reader.counters().via_io_uring, 0, "{call}");
                std::thread::sleep(Backoff::OFFLOAD_PAUSE);
                traffic.send(400, mixed);
                reading.drain(&traffic.device, Form::Cut);
            });
            assert!(reading.payloads == traffic.sent, "{call}");
            assert!(reading.reader.counters().via_io_uring > 100, "{call}");
        });
    }
}

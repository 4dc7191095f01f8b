//! Batches that are read with one call per packet, or several packets at a time.

use crate::room::TestNamespace;
use crate::traffic::{Reading, SLAB, Traffic, mixed, readers, skips};
use tun2udp_core::packet::layer::Layer;
use tun2udp_core::port::{Form, Reader};

#[test]
fn every_packet_comes_once_and_in_order() {
    if skips() {
        return;
    }
    for max_packets in [1, 7, 256] {
        for slab in [Reader::largest_packet() + 10, SLAB] {
            for (reader, vnet_len) in readers() {
                TestNamespace::enter(|place| {
                    let mut traffic = Traffic::new(place, vnet_len);
                    let reader = reader.with_io_uring(true);
                    let mut reading = Reading::new(reader, slab, max_packets);
                    for _ in 0..3 {
                        traffic.send(400, mixed);
                        reading.drain(&traffic.device, Form::Cut);
                    }
                    assert!(reading.payloads == traffic.sent, "{max_packets} {slab} {vnet_len}");
                    let counters = reading.reader.counters();
                    assert_eq!(counters.packets, 1200);
                    // With one packet at a time, each packet is read with its own call.
                    assert_eq!(counters.via_io_uring > 600, max_packets > 1, "{counters:?}");
                    assert!(!reading.reader.has_waiting());
                });
            }
        }
    }
}

#[test]
fn a_device_with_few_packets_is_read_one_by_one() {
    if skips() {
        return;
    }
    TestNamespace::enter(|place| {
        let mut traffic = Traffic::new(place, 0);
        let mut reading = Reading::new(Reader::whole().with_io_uring(true), SLAB, 256);
        for _ in 0..50 {
            traffic.send(15, mixed);
            reading.drain(&traffic.device, Form::Cut);
        }
        assert!(reading.payloads == traffic.sent);
        assert_eq!(reading.reader.counters().via_io_uring, 0);
    });
}

#[test]
fn the_form_may_change_while_packets_wait() {
    if skips() {
        return;
    }
    TestNamespace::enter(|place| {
        let mut traffic = Traffic::new(place, 10);
        let reader = Reader::cutting(10, Layer::Ip).with_io_uring(true);
        let mut reading = Reading::new(reader, Reader::largest_packet() + 10, 256);
        traffic.send(600, |_| 1400);
        let mut forms = [Form::Whole, Form::Cut].into_iter().cycle();
        let mut waited = 0;
        while reading.step(&traffic.device, forms.next().unwrap()).unwrap() > 0 {
            waited += usize::from(reading.reader.has_waiting());
        }
        assert!(reading.payloads == traffic.sent);
        assert!(waited > 5, "{waited}");
    });
}

#[test]
fn what_was_read_comes_before_the_end_of_the_device() {
    if skips() {
        return;
    }
    TestNamespace::enter(|place| {
        let mut traffic = Traffic::new(place, 0);
        let reader = Reader::whole().with_io_uring(true);
        let mut reading = Reading::new(reader, Reader::largest_packet() + 10, 256);
        traffic.send(300, |_| 1400);
        while !reading.reader.has_waiting() {
            assert!(reading.step(&traffic.device, Form::Cut).unwrap() > 0);
        }
        place.run("ip link delete read0");
        let error = loop {
            match reading.step(&traffic.device, Form::Cut) {
                Ok(0) => panic!("the device is gone"),
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert_eq!(error.raw_os_error(), Some(libc::EBADFD));
        assert!(traffic.sent.starts_with(&reading.payloads));
        assert!(!reading.reader.has_waiting());
    });
}

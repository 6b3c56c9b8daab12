//! No packet leaves a guest.

use std::io::ErrorKind;
use std::net::{TcpListener, UdpSocket};

use crate::harness::*;

#[test]
fn who_listens_at_the_port_that_a_guest_tries_hears_nothing() {
    let tcp = TcpListener::bind("127.0.0.1:0").expect("listens");
    let address = tcp.local_addr().expect("has an address");
    let udp = UdpSocket::bind(address).expect("listens");
    tcp.set_nonblocking(true).expect("does not block");
    udp.set_nonblocking(true).expect("does not block");
    let port = address.port().to_string();
    let done = run(probe_p2(), &["-q", "--", "net", &port]).exits(0);
    assert_eq!(done.stdout.lines().count(), 4, "{done:#?}");
    assert!(!done.stdout.contains("allowed"), "{done:#?}");
    let heard = tcp.accept().map(drop).map_err(|error| error.kind());
    assert_eq!(heard, Err(ErrorKind::WouldBlock));
    let heard = udp.recv(&mut [0; 16]).map_err(|error| error.kind());
    assert_eq!(heard, Err(ErrorKind::WouldBlock));
}

//! A thousand at once.

use std::time::Duration;

use ringmq::mq::SocketType;

use super::on_every_backend;
use crate::alone::{allow_many_descriptors, alone};

const COUNT: usize = 1000;

#[test]
fn a_thousand_peers_each_send_and_receive_and_then_close_at_once() {
    alone("sockets::crowd::a_thousand_peers_each_send_and_receive_and_then_close_at_once", || {
        allow_many_descriptors();
        on_every_backend(|net| {
            let rep = net.open(SocketType::Rep);
            let address = net.bind(rep);
            let reqs: Vec<_> = (0..COUNT).map(|_| net.open(SocketType::Req)).collect();
            for &req in &reqs {
                net.connect(req, &address);
            }
            net.await_peers(rep, COUNT);
            for (number, &req) in reqs.iter().enumerate() {
                net.await_peers(req, 1);
                net.send(req, format!("{number}"));
            }
            for _ in 0..COUNT {
                let request = net.recv(rep);
                net.send(rep, request);
            }
            for (number, &req) in reqs.iter().enumerate() {
                assert_eq!(net.heard(req), format!("{number}"));
            }
            for &req in &reqs {
                assert!(req.close(&mut net.context(), Duration::ZERO, |_, _, _| ()));
            }
            net.await_peers(rep, 0);
            // And who comes after them is served.
            let late = net.open(SocketType::Req);
            net.connect(late, &address);
            net.await_peers(late, 1);
            net.send(late, "late");
            assert_eq!(net.heard(rep), "late");
        });
    });
}

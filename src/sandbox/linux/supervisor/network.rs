//! Connections and datagrams: refused, brokered, or kept on the sandbox's own loopback.

use std::net::IpAddr;

use super::super::broker::Route;
use super::super::network::{self, Destination};
use super::super::notify::Call;
use super::super::tracee::{self, Ids};
use super::{Answer, Supervisor};
use crate::sandbox::event::{EventKind, Layer, NetworkAttempt, Operation, Verdict};
use crate::sandbox::plan::NetEntry;

impl Supervisor {
    pub(super) fn network(&mut self, call: &Call) {
        if network::opens_fast(call) {
            let answer = Answer {
                operation: Operation::Connect,
                target: "MSG_FASTOPEN",
                errno: libc::EPERM,
                layer: Layer::Seccomp,
            };
            return self.refuse(call, &answer);
        }
        if call.number == libc::SYS_connect && !self.plan.net.is_empty() {
            return self.connect_by_broker(call);
        }
        let Some(to) = network::destination(call) else { return self.path(call) };
        if !self.listener.is_waiting(call) {
            return;
        }
        if network::is_own_loopback(&to.address) {
            if let Some(ids) = tracee::ids(call.tid) {
                self.report_loopback(call, &ids, &to);
            }
            return self.listener.let_through(call);
        }
        self.refuse_destination(call, &to);
    }

    /// With network grants in force every connection is made by the broker, from one copy of its address.
    pub(super) fn connect_by_broker(&mut self, call: &Call) {
        let (Ok(raw), Some(ids)) = (network::address_argument(call), tracee::ids(call.tid)) else {
            return self.listener.refuse(call, libc::EFAULT);
        };
        if !self.listener.is_waiting(call) {
            return;
        }
        let Some(to) = network::destination_of(call, &raw) else {
            self.explain_path(call, &ids);
            return self.broker.connect(call, ids.process, raw, Route::Own);
        };
        let own = network::is_own_loopback(&to.address);
        let name = self.name_of(to.address.ip());
        let port = to.address.port();
        // A name stands for whatever it leads to, so its placeholder address counts for nothing.
        let address = if name.is_some() { None } else { Some(to.address.ip()) };
        let called = if own { Some("localhost") } else { name.as_deref() };
        let entries: Vec<&NetEntry> =
            self.plan.net.iter().filter(|entry| entry.covers(called, address, port)).collect();
        let close = entries.iter().any(|entry| entry.allow && entry.is_close());
        let allowed = !entries.is_empty() && entries.iter().all(|entry| entry.allow);
        let granted = to.protocol == "tcp" && allowed && (close || !own);
        if own && (!granted || network::somebody_listens(call.tid, port)) {
            self.report_loopback(call, &ids, &to);
            return self.broker.connect(call, ids.process, raw, Route::Own);
        }
        if !granted {
            return self.refuse_destination(call, &to);
        }
        self.add_attempt(&to, name.clone(), Verdict::Allowed);
        self.broker.connect(call, ids.process, raw, Route::Host { name, address: to.address, close });
    }

    /// As `connect`: a handed-over socket must not take a port of the host.
    pub(super) fn bind_by_broker(&mut self, call: &Call) {
        let (Ok(raw), Some(ids)) = (network::address_argument(call), tracee::ids(call.tid)) else {
            return self.listener.refuse(call, libc::EFAULT);
        };
        if network::is_address(&raw) {
            self.broker.bind(call, ids.process, &raw);
        } else {
            self.path(call);
        }
    }

    pub(super) fn name_of(&self, address: IpAddr) -> Option<String> {
        match address {
            IpAddr::V4(four) => self.shared.names().name_of(four).map(str::to_owned),
            IpAddr::V6(_) => None,
        }
    }

    pub(super) fn add_attempt(&self, to: &Destination, host: Option<String>, verdict: Verdict) {
        self.shared.add(EventKind::Network(NetworkAttempt {
            address: if host.is_some() { None } else { Some(to.address.ip().to_string()) },
            host,
            port: to.address.port(),
            protocol: to.protocol.into(),
            verdict,
            count: 1,
        }));
    }

    /// Whoever listens there on the host is not in this network: told as a refusal when nobody inside does.
    pub(super) fn report_loopback(&mut self, call: &Call, ids: &Ids, to: &Destination) {
        if to.protocol == "udp" {
            // The name server of the sandbox itself is no news.
            if to.address.port() != 53 {
                self.add_attempt(to, None, Verdict::Allowed);
            }
            return;
        }
        let reachable = network::somebody_listens(call.tid, to.address.port());
        self.add_attempt(to, None, if reachable { Verdict::Allowed } else { Verdict::Denied });
        if !reachable {
            let target = to.address.to_string();
            let (errno, layer) = (libc::ECONNREFUSED, Layer::Network);
            let answer = Answer { operation: Operation::Connect, target: &target, errno, layer };
            self.report(call, ids, &answer, false);
        }
    }

    pub(super) fn refuse_destination(&mut self, call: &Call, to: &Destination) {
        let host = self.name_of(to.address.ip());
        let port = to.address.port();
        let target = host.as_ref().map_or_else(|| to.address.to_string(), |host| format!("{host}:{port}"));
        self.add_attempt(to, host, Verdict::Denied);
        let (errno, layer) = (libc::EACCES, Layer::Network);
        let answer = Answer { operation: Operation::Connect, target: &target, errno, layer };
        self.refuse(call, &answer);
    }
}

//! Connections and datagrams: refused, brokered, relayed, or kept on the sandbox's own loopback.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::super::broker::{Route, Wanted};
use super::super::network::{self, Destination};
use super::super::notify::Call;
use super::super::tracee;
use super::{Answer, Supervisor};
use crate::sandbox::event::{Layer, NetworkAttempt, Operation, Verdict};
use crate::sandbox::plan::NetEntry;

/// Where a destination turns out to be.
enum Way {
    /// On the sandbox's own loopback, or where the relay takes up datagrams already.
    Inside,
    /// A granted host.
    Outside(Wanted),
    Refused {
        errno: i32,
    },
    /// A program of this machine waits there on its own loopback, and none inside: the kernel will refuse it.
    Apart,
}

/// Nobody can say where a process leads that lets nobody look into its memory.
const UNREADABLE: Answer<'_> = Answer {
    operation: Operation::Connect,
    target: "unreadable",
    errno: libc::EACCES,
    layer: Layer::Network,
};

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
        if call.number == libc::SYS_connect {
            return self.connect_by_broker(call);
        }
        let destinations = network::destinations(call);
        if destinations.is_empty() {
            return self.path(call);
        }
        if network::is_stream(call) {
            return self.listener.let_through(call);
        }
        if !self.listener.is_waiting(call) {
            return;
        }
        let mut wanted = Vec::new();
        for to in &destinations {
            match self.way(call, to) {
                Way::Inside => {}
                Way::Outside(host) => wanted.push(host),
                Way::Refused { errno } => return self.refuse_destination(call, to, errno),
                // Without a connection the kernel would say so too late, or never.
                Way::Apart if to.protocol == "udp" => {
                    return self.refuse_destination(call, to, libc::ECONNREFUSED);
                }
                Way::Apart => self.tell_refused(call, to, libc::ECONNREFUSED),
            }
        }
        match tracee::ids(call.tid) {
            Some(ids) if !wanted.is_empty() => self.broker.send(call, &ids, wanted),
            _ => self.listener.let_through(call),
        }
    }

    /// Every connection is made by the broker, from one copy of its address.
    fn connect_by_broker(&mut self, call: &Call) {
        let Some(ids) = tracee::ids(call.tid) else { return self.listener.refuse(call, libc::EFAULT) };
        let Ok(raw) = network::address_argument(call) else {
            if tracee::is_unreadable(call.tid) {
                return self.refuse(call, &UNREADABLE);
            }
            return self.listener.refuse(call, libc::EFAULT);
        };
        if !self.listener.is_waiting(call) {
            return;
        }
        let Some(to) = network::destination_of(call, &raw) else {
            self.explain_path(call, &ids);
            return self.broker.connect(call, &ids, raw, Route::Own);
        };
        let route = match self.way(call, &to) {
            Way::Inside => Route::Own,
            Way::Outside(wanted) if to.protocol == "udp" => Route::Relay(wanted),
            Way::Outside(wanted) => Route::Host(wanted),
            Way::Refused { errno } => return self.refuse_destination(call, &to, errno),
            Way::Apart if to.protocol == "udp" => {
                return self.refuse_destination(call, &to, libc::ECONNREFUSED);
            }
            Way::Apart => {
                self.tell_refused(call, &to, libc::ECONNREFUSED);
                Route::Own
            }
        };
        self.broker.connect(call, &ids, raw, route);
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

    /// What the policy says to a destination. A denial beats every grant.
    fn way(&mut self, call: &Call, to: &Destination) -> Way {
        let own = network::is_own_loopback(&to.address);
        let name = self.name_of(to.address.ip());
        if let Some(name) = &name {
            self.shared.names().mark_connected(name);
        }
        let port = to.address.port();
        // A name stands for whatever it leads to, so its placeholder address counts for nothing.
        let address = if name.is_some() { None } else { Some(to.address.ip()) };
        let called = if own { Some("localhost") } else { name.as_deref() };
        let entries: Vec<&NetEntry> =
            self.plan.net.iter().filter(|entry| entry.covers(called, address, port)).collect();
        let close = entries.iter().any(|entry| entry.allow && entry.is_close());
        let allowed = !entries.is_empty() && entries.iter().all(|entry| entry.allow);
        // A wildcard does not mean this machine.
        let granted = allowed && (close || !own);
        if !granted {
            return if own { self.own_loopback(call, to) } else { Way::Refused { errno: libc::EACCES } };
        }
        let plan = Arc::clone(&self.plan);
        let wanted = Wanted { name, at: to.address, protocol: to.protocol, close, plan };
        if to.protocol == "udp" && self.broker.relays(&wanted) {
            return Way::Inside;
        }
        if own && self.waiting.inside(call.tid, to) {
            return self.own_loopback(call, to);
        }
        Way::Outside(wanted)
    }

    /// The skill's own processes may talk to each other. When none of them waits there, but a program of this machine does
    /// on its own loopback, that one was meant, and is not in this network; when nobody waits at all, nothing was refused.
    fn own_loopback(&mut self, call: &Call, to: &Destination) -> Way {
        let is_name_server = to.protocol == "udp" && to.address == SocketAddr::from(([127, 0, 0, 1], 53));
        if is_name_server {
            return Way::Inside;
        }
        let verdict = if self.waiting.inside(call.tid, to) {
            Verdict::Allowed
        } else if self.waiting.outside(to) {
            return Way::Apart;
        } else {
            Verdict::Missing
        };
        self.add_attempt(to, None, verdict);
        Way::Inside
    }

    fn name_of(&self, address: IpAddr) -> Option<String> {
        match address {
            IpAddr::V4(four) => self.shared.names().name_of(four).map(str::to_owned),
            IpAddr::V6(_) => None,
        }
    }

    pub(super) fn add_attempt(&self, to: &Destination, host: Option<String>, verdict: Verdict) {
        self.shared.add_network(NetworkAttempt {
            address: if host.is_some() { None } else { Some(to.address.ip().to_string()) },
            host,
            port: to.address.port(),
            protocol: to.protocol.into(),
            verdict,
            count: 1,
            at_ms: None,
        });
    }

    pub(super) fn refuse_destination(&mut self, call: &Call, to: &Destination, errno: i32) {
        self.tell_refused(call, to, errno);
        self.listener.refuse(call, errno);
    }

    fn tell_refused(&mut self, call: &Call, to: &Destination, errno: i32) {
        let host = self.name_of(to.address.ip());
        let port = to.address.port();
        let target = host.as_ref().map_or_else(|| to.address.to_string(), |host| format!("{host}:{port}"));
        self.add_attempt(to, host, Verdict::Denied);
        if let Some(ids) = tracee::ids(call.tid) {
            let (operation, layer) = (Operation::Connect, Layer::Network);
            self.report(call, &ids, &Answer { operation, target: &target, errno, layer }, false);
        }
    }
}

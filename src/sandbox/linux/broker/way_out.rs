//! Where a granted destination really is, and whether it may be there.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use crate::sandbox::plan::{NetHost, Plan};

/// A granted destination, as the program asked for it.
#[derive(Debug, Clone)]
pub(in super::super) struct Wanted {
    /// The name that the address was given out for.
    pub name: Option<String>,
    /// The address that the program used, in its plainest form.
    pub at: SocketAddr,
    pub protocol: &'static str,
    /// Granted by its own name or address, not by a wildcard.
    pub close: bool,
    pub plan: Arc<Plan>,
}

/// Why there is no way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoWay {
    /// Nobody outside knows the name.
    Unknown,
    /// The name leads only to addresses that are closed, such as this one.
    Closed(SocketAddr),
}

impl Wanted {
    /// `host:port`, for people.
    pub(super) fn target(&self) -> String {
        let port = self.at.port();
        self.name.as_ref().map_or_else(|| self.at.to_string(), |name| format!("{name}:{port}"))
    }

    /// Addresses to try, in order. A name that the resolver leads back to this machine or to the link is only believed
    /// when that very name was granted and the machine's own hosts file says so, or when the address is granted as
    /// well: a foreign name server must not open the way to local services. Addresses that are denied stay so, whatever
    /// name leads to them.
    pub(super) fn destinations(&self) -> Result<Vec<SocketAddr>, NoWay> {
        let Some(name) = &self.name else { return Ok(self.by_address()) };
        let found = (name.as_str(), self.at.port()).to_socket_addrs().map_err(|_| NoWay::Unknown)?;
        let mut found: Vec<SocketAddr> = found.collect();
        found.sort_by_key(SocketAddr::is_ipv6);
        found.dedup();
        let first = *found.first().ok_or(NoWay::Unknown)?;
        let pinned = self.close && is_pinned(name);
        found.retain(|found| self.is_open(found.ip(), pinned));
        if found.is_empty() { Err(NoWay::Closed(first)) } else { Ok(found) }
    }

    /// `localhost` means both loopbacks of this machine: servers listen on either.
    fn by_address(&self) -> Vec<SocketAddr> {
        let named = self.plan.net.iter().any(|entry| {
            entry.host == NetHost::Name("localhost".into())
                && entry.covers(Some("localhost"), None, self.at.port())
        });
        if !named || !self.at.ip().is_loopback() {
            return vec![self.at];
        }
        let both = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        let mut all = vec![self.at];
        all.extend(both.into_iter().map(|ip| SocketAddr::new(ip, self.at.port())));
        all.dedup();
        all.retain(|one| *one == self.at || self.is_open(one.ip(), true));
        all
    }

    fn is_open(&self, address: IpAddr, pinned: bool) -> bool {
        let address = address.to_canonical();
        let port = self.at.port();
        let mut covering = self.plan.net.iter().filter(|entry| entry.covers(None, Some(address), port));
        let mut granted = false;
        let denied = covering.any(|entry| {
            granted |= entry.allow && entry.is_close();
            !entry.allow
        });
        !denied && (pinned || granted || !is_local(address))
    }
}

fn is_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => four.is_loopback() || four.is_link_local() || four.is_unspecified(),
        IpAddr::V6(six) => six.is_loopback() || six.is_unicast_link_local() || six.is_unspecified(),
    }
}

fn is_pinned(name: &str) -> bool {
    let hosts = fs::read_to_string("/etc/hosts").unwrap_or_default();
    name == "localhost"
        || hosts.lines().any(|line| {
            let line = line.split('#').next().unwrap_or_default();
            line.split_whitespace().skip(1).any(|known| known.eq_ignore_ascii_case(name))
        })
}

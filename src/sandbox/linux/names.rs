//! The name server of a sandbox: DNS (RFC 1035) on the sandbox's own loopback, answered by the supervisor.
//!
//! The network inside is empty, so a program that asks for a host would stop at "name not known", and nobody
//! would learn what it wanted. Every name is therefore answered with an address of its own from the block for
//! benchmarks (198.18.0.0/15, RFC 2544), so that the program goes on to connect, and the refused connection can
//! be reported with the host and the port that it was meant for. Nothing is ever asked outside: a name cannot carry
//! anything away.
//!
//! Hosts that were granted by name have their addresses from the start, and stand with them in the sandbox's
//! `/etc/hosts` ([`pinned`]): programs that read only that file find them too.

use std::collections::{HashMap, HashSet};
use std::net::{Ipv4Addr, UdpSocket};

use crate::sandbox::plan::{NetEntry, NetHost};

/// Addresses given out in one run, and for which names.
#[derive(Debug, Default)]
pub(super) struct Names {
    by_name: HashMap<String, Ipv4Addr>,
    by_address: HashMap<Ipv4Addr, String>,
    /// Asked for, but not connected to so far; with how often.
    only_asked: HashMap<String, u64>,
    connected: HashSet<String>,
}

/// All addresses given out lie in this block.
pub(super) const BLOCK: (Ipv4Addr, u8) = (Ipv4Addr::new(198, 18, 0, 0), 15);
const FIRST: u32 = u32::from_be_bytes([198, 18, 0, 1]);
/// Names beyond this many share one address: a program that asks for more is not looking for hosts.
const MOST: usize = 4096;
/// Names kept that were only asked for.
const MOST_ASKED: usize = 1024;

/// Hosts granted by their very name, each with its address. Both sides of a run work this out from the plan, so that
/// `/etc/hosts` and the supervisor agree.
pub(super) fn pinned(net: &[NetEntry]) -> Vec<(String, Ipv4Addr)> {
    let mut names = Names::default();
    let mut pinned = Vec::new();
    for entry in net.iter().filter(|entry| entry.allow) {
        let NetHost::Name(name) = &entry.host else { continue };
        // `localhost` is the sandbox's own loopback.
        let fresh = !name.contains('*') && name != "localhost" && !names.by_name.contains_key(name);
        if fresh && names.by_name.len() < MOST {
            pinned.push((name.clone(), names.address_of(name)));
        }
    }
    pinned
}

impl Names {
    /// Give out the addresses of `/etc/hosts`.
    pub(super) fn pin(&mut self, net: &[NetEntry]) {
        for (name, _) in pinned(net) {
            self.address_of(&name);
        }
    }

    fn address_of(&mut self, name: &str) -> Ipv4Addr {
        if let Some(address) = self.by_name.get(name) {
            return *address;
        }
        let address = Ipv4Addr::from(FIRST + self.by_name.len().min(MOST) as u32);
        if self.by_name.len() < MOST {
            self.by_name.insert(name.to_owned(), address);
            self.by_address.insert(address, name.to_owned());
        }
        address
    }

    /// The name that an address was given out for.
    pub(super) fn name_of(&self, address: Ipv4Addr) -> Option<&str> {
        self.by_address.get(&address).map(String::as_str)
    }

    /// A connection to the name is attempted: what is told of that tells of the question too.
    pub(super) fn mark_connected(&mut self, name: &str) {
        self.only_asked.remove(name);
        if self.connected.len() < MOST {
            self.connected.insert(name.to_owned());
        }
    }

    fn mark_asked(&mut self, name: &str) {
        if self.connected.contains(name) {
            return;
        }
        if self.only_asked.len() < MOST_ASKED || self.only_asked.contains_key(name) {
            *self.only_asked.entry(name.to_owned()).or_default() += 1;
        }
    }

    /// Names that were asked for and nothing more, with how often.
    pub(super) fn take_only_asked(&mut self) -> Vec<(String, u64)> {
        let mut asked: Vec<_> = self.only_asked.drain().collect();
        asked.sort();
        asked
    }

    /// Text about a call with names in place of the addresses that were given out for them.
    pub(super) fn spell_out(&self, text: &str) -> String {
        let is_part = |c: char| c.is_ascii_digit() || c == '.';
        let mut spelled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
            let word = &rest[start..];
            let (word, behind) = word.split_at(word.find(|c| !is_part(c)).unwrap_or(word.len()));
            spelled.push_str(&rest[..start]);
            let name = word.parse().ok().and_then(|address| self.name_of(address));
            spelled.push_str(name.unwrap_or(word));
            rest = behind;
        }
        spelled + rest
    }

    /// Answer every question that waits at the socket.
    pub(super) fn serve(&mut self, socket: &UdpSocket) {
        let mut buffer = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            if let Some(answer) = self.answer(&buffer[..length]) {
                let _ = socket.send_to(&answer, from);
            }
        }
    }

    /// Always an answer at once, so that nobody waits in vain: an address for a name, nothing for other kinds of
    /// questions, an error for what is no question. Only what is no message at all gets none.
    pub(super) fn answer(&mut self, question: &[u8]) -> Option<Vec<u8>> {
        const FORMAT_ERROR: u8 = 1;
        let header: &[u8; HEADER] = question.get(..HEADER)?.try_into().ok()?;
        let is_response = header[2] & 0x80 != 0;
        if is_response {
            return None;
        }
        self.answer_question(question, header).or_else(|| {
            let mut answer = header[..2].to_vec();
            answer.extend_from_slice(&[0x80 | (header[2] & 0x79), 0x80 | FORMAT_ERROR]);
            answer.resize(HEADER, 0);
            Some(answer)
        })
    }

    fn answer_question(&mut self, question: &[u8], header: &[u8; HEADER]) -> Option<Vec<u8>> {
        const TYPE_A: u16 = 1;
        const CLASS_IN: u16 = 1;
        if u16::from_be_bytes([header[4], header[5]]) != 1 || header[2] & 0x78 != 0 {
            return None;
        }
        let (name, end) = read_name(question, HEADER)?;
        let kind = u16::from_be_bytes(question.get(end..end + 2)?.try_into().ok()?);
        let class = u16::from_be_bytes(question.get(end + 2..end + 4)?.try_into().ok()?);
        let address = (kind == TYPE_A && class == CLASS_IN).then(|| self.address_of(&name));
        self.mark_asked(&name);

        let mut answer = Vec::with_capacity(end + 20);
        answer.extend_from_slice(&header[..2]);
        // Response, recursion available; the asker's "recursion desired" bit; no error.
        answer.extend_from_slice(&[0x80 | (header[2] & 0x01), 0x80]);
        answer.extend_from_slice(&[0, 1, 0, u8::from(address.is_some()), 0, 0, 0, 0]);
        answer.extend_from_slice(&question[HEADER..end + 4]);
        if let Some(address) = address {
            let [a, b, c, d] = address.octets();
            // Name: the one at offset 12; type A, class IN, one minute, four bytes.
            answer.extend_from_slice(&[0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, a, b, c, d]);
        }
        Some(answer)
    }
}

/// Length of a message's header.
const HEADER: usize = 12;

/// A name of a question, lower case, and the offset behind it. Compression does not occur in questions.
fn read_name(message: &[u8], mut at: usize) -> Option<(String, usize)> {
    let mut name = String::new();
    loop {
        let length = usize::from(*message.get(at)?);
        at += 1;
        if length == 0 {
            return Some((name, at));
        }
        if length > 63 || name.len() > 255 {
            return None;
        }
        let label = message.get(at..at + length)?;
        if !name.is_empty() {
            name.push('.');
        }
        name.extend(label.iter().map(|byte| {
            let printable = byte.is_ascii_graphic() && *byte != b'.';
            if printable { byte.to_ascii_lowercase() as char } else { '?' }
        }));
        at += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(name: &str, kind: u8) -> Vec<u8> {
        let mut message = vec![7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            message.push(label.len() as u8);
            message.extend_from_slice(label.as_bytes());
        }
        message.extend_from_slice(&[0, 0, kind, 0, 1]);
        message
    }

    #[test]
    fn a_name_gets_one_address_and_keeps_it() {
        let mut names = Names::default();
        let first = names.answer(&question("API.example.org", 1)).unwrap();
        let again = names.answer(&question("api.example.org", 1)).unwrap();
        assert_eq!(first[first.len() - 4..], [198, 18, 0, 1]);
        assert_eq!(first[first.len() - 4..], again[again.len() - 4..]);
        assert_eq!(names.name_of(Ipv4Addr::new(198, 18, 0, 1)), Some("api.example.org"));
    }

    #[test]
    fn other_kinds_get_no_address() {
        let answer = Names::default().answer(&question("example.org", 28)).unwrap();
        assert_eq!(answer[7], 0);
    }

    #[test]
    fn cut_messages_get_an_error_and_headers_without_an_end_nothing() {
        let whole = question("example.org", 1);
        for length in 0..whole.len() {
            let answer = Names::default().answer(&whole[..length]);
            if length < HEADER {
                assert_eq!(answer, None);
            } else {
                let answer = answer.unwrap();
                assert_eq!((answer[3] & 0xf, answer.len()), (1, HEADER), "{length}");
            }
        }
    }

    #[test]
    fn granted_names_have_their_addresses_from_the_start() {
        let entry = |name: &str, allow| NetEntry { host: NetHost::Name(name.into()), ports: vec![1], allow };
        let net = [
            entry("b.example", true),
            entry("*.example.org", true),
            entry("localhost", true),
            entry("b.example", true),
            entry("a.example", true),
            entry("c.example", false),
        ];
        let pinned = pinned(&net);
        let address = |last| Ipv4Addr::new(198, 18, 0, last);
        assert_eq!(pinned, [("b.example".into(), address(1)), ("a.example".into(), address(2))]);
        let mut names = Names::default();
        names.pin(&net);
        assert_eq!(names.name_of(address(2)), Some("a.example"));
        assert_eq!(names.spell_out("connect(3, 198.18.0.2:443)"), "connect(3, a.example:443)");
        assert_eq!(names.spell_out("connect(3, 198.18.0.23:443)"), "connect(3, 198.18.0.23:443)");
    }

    #[test]
    fn names_that_are_only_asked_for_are_told_once_the_run_is_over() {
        let mut names = Names::default();
        for (name, kind) in [("b.example", 1), ("a.example", 16), ("b.example", 28), ("c.example", 1)] {
            names.answer(&question(name, kind)).unwrap();
        }
        names.mark_connected("c.example");
        names.answer(&question("c.example", 1)).unwrap();
        assert_eq!(names.take_only_asked(), [("a.example".to_owned(), 1), ("b.example".to_owned(), 2)]);
    }
}

//! The name server of a sandbox: DNS (RFC 1035) on the sandbox's own loopback, answered by the supervisor.
//!
//! The network inside is empty, so a program that asks for a host would stop at "name not known", and nobody
//! would learn what it wanted. Every name is therefore answered with an address of its own from the block for
//! benchmarks (198.18.0.0/15, RFC 2544), so that the program goes on to connect, and the refused connection can
//! be reported with the host and the port that it was meant for. Nothing is ever asked outside.

use std::collections::HashMap;
use std::net::{Ipv4Addr, UdpSocket};

/// Addresses given out in one run, and for which names.
#[derive(Debug, Default)]
pub(super) struct Names {
    by_name: HashMap<String, Ipv4Addr>,
    by_address: HashMap<Ipv4Addr, String>,
}

const FIRST: u32 = u32::from_be_bytes([198, 18, 0, 1]);
/// Names beyond this many share one address: a program that asks for more is not looking for hosts.
const MOST: usize = 4096;

impl Names {
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

    /// Answer every question that waits at the socket.
    pub(super) fn serve(&mut self, socket: &UdpSocket) {
        let mut buffer = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            if let Some(answer) = self.answer(&buffer[..length]) {
                let _ = socket.send_to(&answer, from);
            }
        }
    }

    pub(super) fn answer(&mut self, question: &[u8]) -> Option<Vec<u8>> {
        const HEADER: usize = 12;
        const TYPE_A: u16 = 1;
        const CLASS_IN: u16 = 1;
        let header: &[u8; HEADER] = question.get(..HEADER)?.try_into().ok()?;
        let is_response = header[2] & 0x80 != 0;
        if is_response || u16::from_be_bytes([header[4], header[5]]) != 1 {
            return None;
        }
        let (name, end) = read_name(question, HEADER)?;
        let kind = u16::from_be_bytes(question.get(end..end + 2)?.try_into().ok()?);
        let class = u16::from_be_bytes(question.get(end + 2..end + 4)?.try_into().ok()?);
        let address = (kind == TYPE_A && class == CLASS_IN).then(|| self.address_of(&name));

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
    fn cut_messages_get_no_answer() {
        let whole = question("example.org", 1);
        for length in 0..whole.len() {
            assert_eq!(Names::default().answer(&whole[..length]), None);
        }
    }
}

//! A name server (RFC 1035, over UDP) that answers what a test tells it.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

const HEADER_LEN: usize = 12;
const TYPE_A: u16 = 1;
const NAME_ERROR: u8 = 3;

/// A name server. Its thread ends with the process.
pub struct NameServer {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
}

impl NameServer {
    /// Starts one that knows the IPv4 addresses which `answer` has for a name and the how-manieth question for
    /// addresses this is, from 1. No answer lives longer than it takes.
    ///
    /// # Panics
    ///
    /// If there is no free port.
    pub fn start(answer: impl Fn(&str, usize) -> Vec<Ipv4Addr> + Send + 'static) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let address = socket.local_addr().expect("a bound socket has an address");
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        thread::spawn(move || {
            let mut buffer = [0; 512];
            while let Ok((len, peer)) = socket.recv_from(&mut buffer) {
                let Some((name, kind, question_len)) = question(&buffer[..len]) else { continue };
                let addresses = match kind {
                    TYPE_A => answer(&name, count.fetch_add(1, Ordering::Relaxed) + 1),
                    _ => Vec::new(),
                };
                let reply = reply(&buffer[..HEADER_LEN + question_len], kind, &addresses);
                let _ = socket.send_to(&reply, peer);
            }
        });
        Self { address, asked }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many times it was asked for an IPv4 address.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

/// The name and type that are asked for, and the length of the question.
fn question(message: &[u8]) -> Option<(String, u16, usize)> {
    let mut rest = message.get(HEADER_LEN..)?;
    let mut labels = Vec::new();
    loop {
        let (len, after) = rest.split_first()?;
        let label = after.get(..usize::from(*len))?;
        rest = &after[usize::from(*len)..];
        if label.is_empty() {
            break;
        }
        labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
    }
    let kind = u16::from_be_bytes([*rest.first()?, *rest.get(1)?]);
    Some((labels.join("."), kind, message.len() - HEADER_LEN - rest.len() + 4))
}

fn reply(asked: &[u8], kind: u16, addresses: &[Ipv4Addr]) -> Vec<u8> {
    let mut message = asked.to_vec();
    message[2] = 0x81;
    message[3] = 0x80 | if addresses.is_empty() && kind == TYPE_A { NAME_ERROR } else { 0 };
    let count = u16::try_from(addresses.len()).unwrap_or(u16::MAX).to_be_bytes();
    message[4..HEADER_LEN].copy_from_slice(&[0, 1, count[0], count[1], 0, 0, 0, 0]);
    for address in addresses {
        // The name of the question, an address of the internet, no time to live, four bytes.
        message.extend([0xc0, HEADER_LEN as u8, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
        message.extend(address.octets());
    }
    message
}

//! A fixed rate: requests come when they come, however long the ones before take. Each client has one under way at a time; one
//! that is late for that is timed from when it should have been sent.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::{is_good, is_whole, request};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long requests took until they were answered.
pub(crate) struct Latencies {
    /// In order.
    taken: Vec<Duration>,
    failed: usize,
}

/// Requests for `path`, `rate` per second for `duration`, from `clients` clients in turns. Each is timed from the moment when
/// it should have been sent: one that waits for its client, because the answer before is late, is late, too.
pub(crate) fn run(address: SocketAddr, path: &str, clients: u32, rate: u32, duration: Duration) -> Latencies {
    let each = Duration::from_secs(1) * clients / rate;
    let connected: Vec<_> = (0..clients).map(|_| Client::connected(address, path)).collect();
    let started = Instant::now() + Duration::from_millis(10);
    let threads: Vec<_> = (0..clients)
        .zip(connected)
        .map(|(number, mut client)| {
            let first = started + each * number / clients;
            thread::spawn(move || client.run(first, each, started + duration))
        })
        .collect();
    let mut all = Latencies { taken: Vec::new(), failed: 0 };
    for thread in threads {
        let of_one = thread.join().expect("a client does not panic");
        all.taken.extend(of_one.taken);
        all.failed += of_one.failed;
    }
    all.taken.sort_unstable();
    all
}

impl Latencies {
    /// What all but that part of the requests took at most.
    pub(crate) fn all_but(&self, part: f64) -> Duration {
        let last = self.taken.len().checked_sub(1).expect("there were requests");
        self.taken[last - (self.taken.len() as f64 * part) as usize]
    }

    /// As figures of a table, in milliseconds.
    pub(crate) fn figures(&self) -> [(&'static str, f64); 4] {
        let ms = |part| self.all_but(part).as_secs_f64() * 1e3;
        [("p50, ms", ms(0.5)), ("p99, ms", ms(0.01)), ("p99.9, ms", ms(0.001)), ("errors", self.failed as f64)]
    }
}

/// One connection, made anew after an error.
struct Client {
    address: SocketAddr,
    request: Vec<u8>,
    stream: Option<TcpStream>,
}

impl Client {
    /// One that has had an answer.
    fn connected(address: SocketAddr, path: &str) -> Self {
        let mut client = Self { address, request: request(path), stream: None };
        client.ask().expect("an answer");
        client
    }

    fn run(&mut self, first: Instant, each: Duration, until: Instant) -> Latencies {
        let mut latencies = Latencies { taken: Vec::new(), failed: 0 };
        let mut due = first;
        while due < until {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            match self.ask() {
                Ok(()) => latencies.taken.push(due.elapsed()),
                // As if it had waited for as long as it may.
                Err(_) => {
                    self.stream = None;
                    latencies.failed += 1;
                    latencies.taken.push(PATIENCE.max(due.elapsed()));
                }
            }
            due += each;
        }
        latencies
    }

    fn ask(&mut self) -> io::Result<()> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => {
                let stream = TcpStream::connect(self.address)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                none.insert(stream)
            }
        };
        stream.write_all(&self.request)?;
        let (mut answer, mut len) = ([0; 4096], 0);
        while !is_whole(&answer[..len]) {
            match stream.read(&mut answer[len..])? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                more => len += more,
            }
        }
        match is_good(&answer[..len]) {
            true => Ok(()),
            false => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

//! A line of a known pace to a server, as there are some in the world: what the server sends comes no faster.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// How many bytes go over the line at once.
const PIECE: usize = 16 << 10;

/// How much of the time that was slept too long is made up for.
const SLACK: Duration = Duration::from_millis(20);

/// A line. Its threads end with the process.
pub struct Line {
    address: SocketAddr,
}

impl Line {
    /// A line to `server` that carries so many bytes in a second from it, on each connection.
    ///
    /// # Panics
    ///
    /// If there is no free port.
    pub fn to(server: SocketAddr, bytes_per_second: u32) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // Whoever is at an end of it goes away when they like.
                thread::spawn(move || connect(client, server, bytes_per_second));
            }
        });
        Self { address }
    }

    /// Its near end, as in references.
    pub fn authority(&self) -> String {
        self.address.to_string()
    }
}

fn connect(mut client: TcpStream, server: SocketAddr, bytes_per_second: u32) -> io::Result<()> {
    let mut server = TcpStream::connect(server)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut asking, mut asked) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut asking, &mut asked);
        let _ = asked.shutdown(Shutdown::Write);
    });
    let mut piece = [0; PIECE];
    // When the line is free again.
    let mut free = Instant::now();
    loop {
        let len = server.read(&mut piece)?;
        if len == 0 {
            return client.shutdown(Shutdown::Write);
        }
        free = free.max(Instant::now() - SLACK) + Duration::from_secs(len as u64) / bytes_per_second;
        thread::sleep(free.saturating_duration_since(Instant::now()));
        client.write_all(&piece[..len])?;
    }
}

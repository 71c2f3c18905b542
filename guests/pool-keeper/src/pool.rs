//! Leases of connections, at most so many at a time.

use std::cell::RefCell;
use std::collections::VecDeque;

use wasip3::wit_bindgen::rt::async_support::{StreamReader, StreamWriter};
use wasip3::wit_stream;

use crate::connection::Connection;

thread_local! {
    static POOL: RefCell<Pool> = RefCell::new(Pool::new());
}

struct Pool {
    /// Connections that nobody uses.
    free: Vec<Connection>,
    /// How many more leases there may be. Nobody waits while there are any.
    places: usize,
    /// Calls that wait for a lease, the first to come at the front.
    waiting: VecDeque<Wake>,
}

/// Wakes the call that waits for its end. Calls are tasks of their own, and a task is not woken by another's `Waker`; but
/// by the end of a stream that it reads from.
type Wake = StreamWriter<u8>;

/// The right to one connection, until it is dropped.
pub struct Lease {
    /// `None`: none is open.
    pub connection: Option<Connection>,
}

impl Pool {
    fn new() -> Self {
        let places = std::env::var("CONNECTIONS").ok().and_then(|number| number.parse().ok()).unwrap_or(4);
        Self { free: Vec::new(), places, waiting: VecDeque::new() }
    }

    /// Takes a place, or waits for somebody's.
    fn enter(&mut self) -> Result<(), StreamReader<u8>> {
        match self.places.checked_sub(1) {
            Some(places) => {
                self.places = places;
                Ok(())
            }
            None => {
                let (wake, woken) = wit_stream::new();
                self.waiting.push_back(wake);
                Err(woken)
            }
        }
    }

    /// Gives a place to whoever waits for one.
    fn leave(&mut self, connection: Option<Connection>) -> Option<Wake> {
        self.free.extend(connection);
        let next = self.waiting.pop_front();
        self.places += usize::from(next.is_none());
        next
    }
}

/// Waits for a lease.
pub async fn lease() -> Lease {
    if let Err(mut place) = POOL.with_borrow_mut(Pool::enter) {
        // Its end is all that comes.
        _ = place.next().await;
    }
    Lease { connection: POOL.with_borrow_mut(|pool| pool.free.pop()) }
}

impl Drop for Lease {
    fn drop(&mut self) {
        drop(POOL.with_borrow_mut(|pool| pool.leave(self.connection.take())));
    }
}

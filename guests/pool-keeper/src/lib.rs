//! The example `examples/pool`, its service: the one instance of it keeps at most `CONNECTIONS` connections to `UPSTREAM`.
//! A call has one to itself until it is answered; while all are in use, calls wait in the order in which they came.

mod connection;
mod pool;

wasip3::wit_bindgen::generate!({
    inline: "
        package example:pool-keeper;
        world keeper { export pool:upstream/lines@1.0.0; }
    ",
    path: ["../wit/pool"],
    runtime_path: "wasip3::wit_bindgen::rt",
    generate_all,
});

use exports::pool::upstream::lines::Guest;

struct Keeper;

export!(Keeper);

impl Guest for Keeper {
    async fn ask(line: String) -> Result<String, String> {
        if line.contains(['\r', '\n']) {
            return Err("a question is one line".to_owned());
        }
        let mut lease = pool::lease().await;
        let mut connection = match lease.connection.take() {
            Some(connection) => connection,
            None => connection::open().await?,
        };
        let answer = connection.ask(&line).await?;
        // Only one that works is used again.
        lease.connection = Some(connection);
        Ok(answer)
    }
}

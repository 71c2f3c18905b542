// A program that serves a component over HTTP, gives it dice of its own, and prints what the host reports.
use std::error::Error;
use std::hash::{BuildHasher, RandomState};
use std::net::TcpListener;

use wattle_host::{Host, Native, NativeCall, NativeCapability, NativeInterface, wasmtime::component::bindgen};

bindgen!({
    inline: "package acme:dice@0.1.0;
             interface roll { roll: func(sides: u32) -> u32; }
             world house { import roll; }",
    wasmtime_crate: wattle_host::wasmtime,
});
use acme::dice::roll;

const MANIFEST: &str = r#"
name = "casino"
[components.croupier]
source = "croupier.wasm"
[[triggers.http]]
path = "/..."
component = "croupier"
[[triggers.cron]]
component = "croupier"
schedule = "* * * * * *"
"#;

struct Dice;

impl NativeCapability for Dice {
    fn interfaces(&self) -> Vec<NativeInterface<Self>> {
        vec![NativeInterface::new("acme:dice/roll@0.1.0", roll::add_to_linker_instance::<_, Native<Self>>)]
    }
}

impl roll::Host for NativeCall<'_, Dice> {
    fn roll(&mut self, sides: u32) -> u32 {
        println!("{} of {} rolls a die with {sides} sides", self.component(), self.app());
        1 + (RandomState::new().hash_one(sides) % u64::from(sides.max(1))) as u32
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let wasm = std::fs::read(std::env::args().nth(1).ok_or("usage: embed croupier.wasm")?)?;
    let host = Host::builder().capability(Dice).reports(|report| println!("{report:?}")).build()?;
    let (app, bytes) = host.resolve(MANIFEST, [("croupier", wasm)])?;
    host.start(&app, &bytes).await?;
    println!("http://{}", host.listen(TcpListener::bind("127.0.0.1:0")?)?);
    tokio::signal::ctrl_c().await?;
    host.drain().await.map_err(|cut| cut.to_string().into())
}

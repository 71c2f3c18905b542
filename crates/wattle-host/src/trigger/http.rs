//! The HTTP trigger, in the order in which a request passes: a listener deals connections to the cores, a connection
//! reads requests, a request finds its route and its place, an instance or a folder answers, the answer goes out.

mod account;
mod admission;
mod ahead;
mod answer_body;
mod calls;
mod connection;
mod dispatch;
mod exchange;
mod files;
mod forwarded;
mod gate;
mod inside;
mod lent;
mod listener;
mod request;
mod request_body;
mod serial;
mod server;
mod shared;
mod sleeper;
mod target;
mod wire;

pub(crate) use admission::{Admission, Comers};
pub(crate) use dispatch::Warm;
pub(crate) use files::Folder;
pub(crate) use inside::{Asking, Inside};
pub(crate) use listener::{Connections, Entrance, Listener, REST_GRACE};
pub(crate) use server::{EdgePolicy, Server};
pub(crate) use sleeper::Sleeper;
pub(crate) use target::{Answerer, Door, Target};

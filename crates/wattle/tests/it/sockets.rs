//! Sockets of guests: closed, unless an endpoint is allowed by its address and port.

use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::process::Stdio;

use wattle_testkit::{App, NameServer, Ran, guests};

use crate::WATTLE;

fn run(allow: &[&str], arguments: &[&str]) -> Ran {
    let app = App::empty().guest(&guests::command());
    let allow = allow.iter().flat_map(|what| ["--allow", what]);
    WATTLE.run(&app, ["run"].into_iter().chain(allow).chain(["command.wasm"]).chain(arguments.iter().copied()))
}

#[test]
fn connections() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let connect = |allow: &[&str]| run(allow, &["connect", &address.to_string()]).code;
    for refused in
        [vec![], vec!["tcp=127.0.0.1:1"], vec!["tcp=public:*", "tcp=private:*"], vec![&*format!("udp={address}")]]
    {
        assert_eq!(connect(&refused), Some(1), "{refused:?}");
    }
    assert!(listener.accept().is_err(), "somebody connected");
    for allowed in [format!("tcp={address}"), "tcp=loopback:*".into(), "tcp=127.0.0.0/8:*".into()] {
        assert_eq!(connect(&[&allowed]), Some(0), "{allowed}");
        listener.accept().unwrap();
    }
}

#[test]
fn listeners_on_the_loopback_interface_only() {
    for address in ["0.0.0.0:0", "[::]:0"] {
        assert_eq!(run(&["tcp=0.0.0.0/0:*", "tcp=[::/0]:*"], &["listen", address]).code, Some(1), "{address}");
    }
    assert_eq!(run(&["tcp=loopback:1"], &["listen", "127.0.0.1:2"]).code, Some(1));

    let app = App::empty().guest(&guests::command());
    let mut command = WATTLE.command(&app);
    command.args(["run", "--allow", "tcp=loopback:*", "command.wasm", "listen", "127.0.0.1:0"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let mut text = String::new();
    TcpStream::connect(line.trim()).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello");
    assert!(child.wait().unwrap().success());
}

#[test]
fn datagrams() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_nonblocking(true).unwrap();
    let to = socket.local_addr().unwrap().to_string();
    let send = |allow: &[&str], from: &str| run(allow, &["datagram", from, &to]).code;
    assert_eq!(send(&[], "127.0.0.1:0"), Some(1));
    assert_eq!(send(&["tcp=loopback:*"], "127.0.0.1:0"), Some(1));
    assert_eq!(send(&["udp=loopback:*"], "0.0.0.0:0"), Some(1), "a datagram socket on every interface");
    assert!(socket.recv(&mut [0; 8]).is_err());
    assert_eq!(send(&["udp=loopback:*"], "127.0.0.1:0"), Some(0));
    let mut bytes = [0; 8];
    let length = wattle_testkit::until("the datagram is there", || socket.recv(&mut bytes).ok());
    assert_eq!(&bytes[..length], b"hi");
}

/// A name that is allowed can be looked up, and opens what it leads to at its port.
#[test]
fn names() {
    let names = NameServer::start(|name, _| if name == "db.test" { vec![Ipv4Addr::LOCALHOST] } else { Vec::new() });
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let app = App::empty()
        .guest(&guests::command())
        .guest(&guests::command_p3())
        .file("host.toml", format!("name-servers = [\"{}\"]\n", names.address()));
    let run = |allow: &[&str], command: &[&str]| {
        let allow = allow.iter().flat_map(|what| ["--allow", what]);
        WATTLE.run(&app, ["run", "--config", "host.toml"].into_iter().chain(allow).chain(command.iter().copied()))
    };
    let (by_name, endpoint) = (format!("tcp=db.test:{port}"), format!("db.test:{port}"));
    let connect = |allow: &[&str], to: &str| run(allow, &["command.wasm", "connect", to]);
    assert_eq!(connect(&[&by_name, "network=loopback"], &endpoint).code, Some(0));
    assert_eq!(connect(&["tcp=*.test:*", "network=loopback"], &endpoint).code, Some(0));
    let asked = names.asked();

    // Its address alone opens nothing, nor does another port.
    assert_eq!(connect(&[&by_name, "network=loopback"], &format!("127.0.0.1:{port}")).code, Some(1));
    assert_eq!(connect(&["tcp=db.test:1", "network=loopback"], &endpoint).code, Some(1));
    let inside = connect(&[&by_name], &endpoint);
    assert!(inside.code == Some(1) && inside.stderr.contains("db.test is 127.0.0.1, a loopback address"), "{inside}");

    let before = names.asked();
    let denied = connect(&[&by_name, "network=loopback"], "other.test:80");
    assert!(denied.code == Some(1) && denied.stderr.contains("may not look up other.test"), "{denied}");
    assert_eq!(names.asked(), before, "a name that is not allowed was asked for");
    assert!(asked > 0);

    let lookup = |allow: &[&str], name: &str| run(allow, &["command-p3.wasm", "lookup", name]).stdout;
    assert_eq!(lookup(&[&by_name, "network=loopback"], "db.test"), "Ok([IpAddress::Ipv4((127, 0, 0, 1))])\n");
    assert_eq!(lookup(&[&by_name], "db.test"), "Err(ErrorCode::AccessDenied)\n");
    assert_eq!(lookup(&["tcp=*.test:*"], "nobody.test"), "Err(ErrorCode::NameUnresolvable)\n");
    assert_eq!(lookup(&[&by_name], "not a name"), "Err(ErrorCode::InvalidArgument)\n");
    assert_eq!(lookup(&[], "192.0.2.1"), "Ok([IpAddress::Ipv4((192, 0, 2, 1))])\n");
}

/// A grant that could never be used is refused with what to write.
#[test]
fn datagrams_go_no_further() {
    for (allow, code) in
        [("public:53", 2), ("10.0.0.0/8:*", 2), ("0.0.0.0/0:*", 2), ("[::1]:53", 0), ("127.0.0.0/8:*", 0)]
    {
        let ran = run(&[&format!("udp={allow}")], &[]);
        assert_eq!(ran.code, Some(code), "{allow}: {ran}");
        assert_eq!(ran.stderr.contains("no further than the loopback interface"), code == 2, "{allow}: {ran}");
    }
}

#[test]
fn what_is_allowed_is_checked() {
    for allow in ["tcp=loopback", "udp=fd00::1:53", "ftp=x", "http=example.com", "network=lan", "tcp"] {
        let ran = run(&[allow], &[]);
        assert_eq!(ran.code, Some(2), "{allow}");
        assert!(ran.stderr.contains("--allow"), "{ran}");
    }
}

//! Does what command-line programs do, by its first argument, or else by the words of the variable `COMMAND`. With the
//! standard library alone.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::ExitCode;
use std::{env, fs};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().collect();
    let otherwise = env::var("COMMAND").unwrap_or_default();
    let words: Vec<&str> = match arguments.len() {
        0 | 1 => otherwise.split_whitespace().collect(),
        _ => arguments[1..].iter().map(String::as_str).collect(),
    };
    match words[..] {
        ["show", ..] => show(&arguments),
        ["cat"] => cat(),
        ["yes"] => yes(),
        ["exit", code] => std::process::exit(code.parse().unwrap_or(0)),
        ["fail"] => return ExitCode::FAILURE,
        ["panic"] => panic!("as it was told"),
        ["overflow"] => println!("{}", overflow(1)),
        ["spin"] => spin(),
        ["wait"] => wait(),
        ["prompt"] => prompt(),
        ["grow"] => grow(),
        ["read", path] => return told(fs::read(path).and_then(|bytes| io::stdout().write_all(&bytes))),
        ["write", path, text] => return told(fs::write(path, text)),
        ["connect", address] => return told(TcpStream::connect(address).map(drop)),
        ["hold", address] => return told(hold(address)),
        ["listen", address] => return told(listen(address)),
        ["datagram", from, to] => return told(datagram(from, to)),
        ["terminals"] => terminals(),
        _ => println!("Hello from Wattle"),
    }
    ExitCode::SUCCESS
}

fn show(arguments: &[String]) {
    println!("arguments {arguments:?}");
    for (name, value) in env::vars() {
        println!("{name}={value}");
    }
}

fn cat() {
    let (mut stdin, mut stdout) = (io::stdin().lock(), io::stdout().lock());
    let mut piece = [0; 16 << 10];
    loop {
        match stdin.read(&mut piece).expect("read stdin") {
            0 => break,
            length => stdout.write_all(&piece[..length]).expect("write stdout"),
        }
    }
    stdout.flush().expect("write stdout");
}

fn yes() {
    loop {
        println!("yes");
    }
}

/// Says where it listens, and hello to the first who comes.
fn listen(address: &str) -> io::Result<()> {
    let listener = TcpListener::bind(address)?;
    println!("{}", listener.local_addr()?);
    listener.accept()?.0.write_all(b"hello")
}

/// Keeps a connection open until the other side ends it.
fn hold(address: &str) -> io::Result<()> {
    TcpStream::connect(address)?.read_to_end(&mut Vec::new()).map(drop)
}

fn datagram(from: &str, to: &str) -> io::Result<()> {
    UdpSocket::bind(from)?.send_to(b"hi", to).map(drop)
}

fn overflow(depth: u64) -> u64 {
    if std::hint::black_box(depth) == 0 { 0 } else { overflow(depth + 1) + 1 }
}

fn spin() {
    println!("spinning");
    let mut turns = 0_u64;
    while std::hint::black_box(turns) < u64::MAX {
        turns += 1;
    }
}

fn wait() {
    println!("waiting");
    std::thread::sleep(std::time::Duration::from_secs(3600));
}

fn prompt() {
    println!("name?");
    let mut name = String::new();
    let _ = io::stdin().read_line(&mut name);
    println!("Hello {name}");
}

fn grow() {
    let mut all: Vec<Vec<u8>> = Vec::new();
    loop {
        all.push(vec![1; 1 << 20]);
        std::hint::black_box(&all);
    }
}

fn told(done: io::Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", error.kind());
            ExitCode::FAILURE
        }
    }
}

fn terminals() {
    use std::io::IsTerminal;
    println!("{} {} {}", io::stdin().is_terminal(), io::stdout().is_terminal(), io::stderr().is_terminal());
}

//! A command of WASI 0.3: copies its input to its output, shows its arguments, or ends with a code.

use wasip3::cli::{environment, exit, stdin, stdout};
use wasip3::sockets::ip_name_lookup::resolve_addresses;
use wasip3::{wit_bindgen, wit_stream};

struct Command;

wasip3::cli::command::export!(Command);

impl wasip3::exports::cli::run::Guest for Command {
    async fn run() -> Result<(), ()> {
        let arguments = environment::get_arguments();
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        match words[1..] {
            ["cat"] => {
                let (input, _read) = stdin::read_via_stream();
                stdout::write_via_stream(input).await.map_err(drop)
            }
            ["exit", code] => {
                exit::exit(if code == "0" { Ok(()) } else { Err(()) });
                Ok(())
            }
            ["fail"] => Err(()),
            ["panic"] => panic!("as it was told"),
            ["yes"] => loop {
                say("yes\n".repeat(1024)).await?;
            },
            ["lookup", name] => say(format!("{:?}\n", resolve_addresses(name.to_owned()).await)).await,
            ["late"] => {
                wit_bindgen::spawn_local(async { _ = say("after the return\n".into()).await });
                Ok(())
            }
            _ => say(format!("arguments {arguments:?}\n")).await,
        }
    }
}

async fn say(text: String) -> Result<(), ()> {
    let (mut writer, reader) = wit_stream::new();
    wit_bindgen::spawn_local(async move { _ = writer.write_all(text.into_bytes()).await });
    stdout::write_via_stream(reader).await.map_err(drop)
}

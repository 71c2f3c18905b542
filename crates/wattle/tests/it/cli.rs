//! The command line itself: help, versions, completions, schemas, and ends of pipes.

use std::io::Read;
use std::process::Stdio;

use wattle_testkit::App;

use crate::WATTLE;

const VERBS: [&str; 9] = ["new", "build", "up", "run", "inspect", "explain", "check", "schema", "completions"];

fn run(arguments: &[&str]) -> String {
    WATTLE.run(&App::empty(), arguments).to_string()
}

fn help(verb: &str) -> String {
    let help = run(&[verb, "--help"]);
    let widest = help.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(79), "the help of {verb} is {widest:?} columns wide");
    help
}

#[test]
fn help_of_all() {
    insta::assert_snapshot!(run(&["--help"]), @"
    exit: 0
    ----- stdout
    Builds, ships and runs WebAssembly applications

    Usage: wattle <COMMAND>

    Commands:
      new          Make a new app from a template
      build        Build an app's components and check what came of it
      up           Run an app in the foreground
      host         Run a host of many apps, which remembers them
      apply        Have a host run apps, or newer versions of them
      ps           Show the apps that run and how they are
      describe     Show an app of a host and the generations of it that are kept
      rollback     Have an earlier generation of an app run again
      stop         End an app, which stays known
      start        Run apps again that were stopped
      rm           End apps and forget them
      logs         Show what running apps and their host say
      events       Show what happens to apps: how they are, what ends, what fails
      link         Show what the imports of running apps are linked to
      listener     Show where hosts serve, or have one serve on other addresses
      drain        End a host in good order, and wait until it has ended
      cron         Show the schedules of running apps, or run one now
      run          Run a command to its end, or call one of its exports
      approve      Let a version of an app ask for more than the one before
      push         Publish a component or an app in a registry
      pull         Fetch a component or an app from a registry
      login        Log in to a registry
      logout       Log out of a registry
      sign         Sign an artifact in its registry
      verify       Check who signed an artifact
      key          Make keys for signatures
      cache        Show or clean what is kept of registries on this machine
      inspect      Show what a file or an artifact is and what it could touch
      diff         Compare what two versions of something could touch
      explain      Show what provides each import, and which rule chose it
      check        Find every fault of a manifest without running it
      schema       Print the JSON Schema of a file, or OpenAPI
      completions  Print completions for a shell

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Exit codes:
      0    It was done
      1    It could not be done; of `diff --config`: the policy would not let it
      2    What was given is wrong: the command line, a manifest, a component
      3    Something outside is in the way: a port, a directory, another process
      4    It was told to end, and something did not end in time and was cut
      124  A command was still running at its deadline
      130  A verb other than `up` was interrupted (SIGINT)
      134  A command trapped
      141  Nobody read the output of a command any more
      143  A verb other than `up` was told to end (SIGTERM)
    ");
    assert_eq!(run(&["--help"]), run(&["-h"]));
}

#[test]
fn help_of_new() {
    insta::assert_snapshot!(help("new"), @"
    exit: 0
    ----- stdout
    Make a new app from a template

    Usage: wattle new [OPTIONS] [NAME]

    Arguments:
      [NAME]  What the app is called: lower-case letters, digits, inner hyphens

    Options:
          --template <TEMPLATE>  What it begins as [default: http-rust] [possible
                                 values: http-rust, http-rust-p3, http-go, http-js,
                                 http-python, http-c, command-rust]
          --dir <DIR>            Write it here [default: NAME]
          --list                 List the templates
          --json                 Print the list as JSON
      -h, --help                 Print help
    ");
}

#[test]
fn help_of_build() {
    insta::assert_snapshot!(help("build"), @"
    exit: 0
    ----- stdout
    Build an app's components and check what came of it

    Usage: wattle build [OPTIONS] [PATH]

    Arguments:
      [PATH]  A folder with wattle.toml, or a manifest [default: .]

    Options:
          --config <FILE>  The host's own file, host.toml
      -h, --help           Print help
    ");
}

#[test]
fn help_of_up() {
    insta::assert_snapshot!(help("up"), @"
    exit: 0
    ----- stdout
    Run an app in the foreground

    Usage: wattle up [OPTIONS] [PATH]

    Arguments:
      [PATH]  A folder with wattle.toml, a manifest, a .wasm or .wat file, or what
              lies at a reference, as in ghcr.io/me/shop:1.0 [default: .]

    Options:
          --config <FILE>      The host's own file, host.toml
          --listen <ADDR>      Serve on this address; may be given more than once,
                               and with http:// or https:// in front [default:
                               127.0.0.1:PORT]
          --tls-cert <FILE>    Serve TLS with this chain of certificates, a PEM
                               file
          --tls-key <FILE>     The private key of the certificate, a PEM file
          --access-log         Write a line for each request to the log
          --admin <ADDR>       Tell of health, readiness and metrics on this
                               address, by plain HTTP
          --log-format <FORM>  Write the log in this form [default: text] [possible
                               values: text, json]
          --control <PATH>     Answer `wattle ps` and others on this socket, or
                               with `none` not at all [default: one in this user's
                               runtime directory]
          --data-dir <DIR>     Keep data here [default: .wattle beside the
                               manifest]
          --env <NAME=VALUE>   Give every component this environment variable
          --pull <WHEN>        Ask registries: always, if something is missing, or
                               never [default: as the manifest says]
          --locked             Run exactly what wattle.lock says, and leave it as
                               it is
          --offline            Ask no registry: everything is on this machine
      -h, --help               Print help
    ");
}

#[test]
fn help_of_run() {
    insta::assert_snapshot!(help("run"), @"
    exit: 0
    ----- stdout
    Run a command to its end, or call one of its exports

    Usage: wattle run [OPTIONS] <FILE> [ARGS]...

    Arguments:
      <FILE>     A .wasm or .wat file, or an app of one component
      [ARGS]...  What the command gets as arguments; behind `--` if they look like
                 options

    Options:
          --invoke <CALL>
              Call this export, as in 'add(1, 2)', and print what it returns
          --env <NAME[=VALUE]>
              Give it an environment variable; without a value, the one that it has
              here
          --dir <HOST[::GUEST][:ro]>
              Let it see a directory, read-only with `:ro`
          --link <INTERFACE=BACKEND>
              Let a backend provide an interface, as in wasi:keyvalue=memory
          --allow <KIND=WHAT>
              Let it reach something: http=ORIGIN, network=RANGE, tcp=ENDPOINT or
              udp=ENDPOINT, as in tcp=10.0.0.0/8:5432
          --limit <NAME=VALUE>
              Set a limit, as in memory=64MiB or deadline=5s; it has no deadline
              otherwise
          --data-dir <DIR>
              Keep data here [default: .wattle beside the file]
          --config <FILE>
              The host's own file, host.toml
      -h, --help
              Print help
    ");
}

#[test]
fn help_of_inspect() {
    insta::assert_snapshot!(help("inspect"), @r"
    exit: 0
    ----- stdout
    Show what a file or an artifact is and what it could touch

    Usage: wattle inspect [OPTIONS] <WHAT>

    Arguments:
      <WHAT>  A .wasm or .wat file, or an artifact, as in ghcr.io/me/cart:1.0

    Options:
          --wit            Print the WIT of its world
          --plain-http     Speak plain HTTP with the registry; with one on this
                           machine it is tried anyway
          --ca <FILE>      Trust this authority, a PEM file, beside those that the
                           system trusts
          --config <FILE>  The host's own file, host.toml: how it reaches
                           registries
          --json           Print JSON
      -h, --help           Print help
    ");
}

#[test]
fn help_of_explain() {
    insta::assert_snapshot!(help("explain"), @"
    exit: 0
    ----- stdout
    Show what provides each import, and which rule chose it

    Usage: wattle explain [OPTIONS] [PATH] [COMPONENT] [IMPORT]

    Arguments:
      [PATH]       A folder with wattle.toml, a manifest, a .wasm or .wat file, or
                   what lies at a reference, as in ghcr.io/me/shop:1.0 [default: .]
      [COMPONENT]  One component of it
      [IMPORT]     What it imports: an interface or a package, with or without
                   #LABEL

    Options:
          --config <FILE>         The host's own file, host.toml
          --data-dir <DIR>        Look here for where its state is recorded
                                  [default: .wattle beside the manifest]
          --running               Ask the hosts that run: PATH is the name of an
                                  app then, or left out
          --control <PATH|URL>    Ask the host at this socket, or on another
                                  machine at https://HOST:PORT [default: all of
                                  yours that run here] [env: WATTLE_CONTROL]
          --control-token <FILE>  Show a host on another machine the token in this
                                  file [env: WATTLE_CONTROL_TOKEN_FILE]
          --control-ca <FILE>     Trust the authorities in this PEM file, and no
                                  others, to vouch for it [default: those of the
                                  system] [env: WATTLE_CONTROL_CA]
          --json                  Print JSON
      -h, --help                  Print help
    ");
}

#[test]
fn help_of_check() {
    insta::assert_snapshot!(help("check"), @"
    exit: 0
    ----- stdout
    Find every fault of a manifest without running it

    Usage: wattle check [OPTIONS] [PATH]

    Arguments:
      [PATH]  A folder with wattle.toml, a manifest, a .wasm or .wat file, or what
              lies at a reference, as in ghcr.io/me/shop:1.0 [default: .]

    Options:
          --config <FILE>   The host's own file, host.toml
          --data-dir <DIR>  Look here for where its state is recorded [default:
                            .wattle beside the manifest]
          --json            Print JSON
      -h, --help            Print help
    ");
}

#[test]
fn help_of_schema() {
    insta::assert_snapshot!(help("schema"), @r"
    exit: 0
    ----- stdout
    Print the JSON Schema of a file, or OpenAPI

    Usage: wattle schema [OF]

    Arguments:
      [OF]
              Of what

              Possible values:
              - app:     wattle.toml
              - host:    host.toml
              - control: The control protocol, as an OpenAPI document
              
              [default: app]

    Options:
      -h, --help
              Print help (see a summary with '-h')
    ");
}

#[test]
fn help_of_completions() {
    insta::assert_snapshot!(help("completions"), @r"
    exit: 0
    ----- stdout
    Print completions for a shell

    Usage: wattle completions <SHELL>

    Arguments:
      <SHELL>  Which shell [possible values: bash, elvish, fish, powershell, zsh]

    Options:
      -h, --help  Print help
    ");
}

#[test]
fn the_version() {
    assert_eq!(run(&["--version"]), format!("exit: 0\n----- stdout\nwattle {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_command_lines() {
    insta::assert_snapshot!(run(&["serve"]), @"
    exit: 2
    ----- stderr
    error: unrecognized subcommand 'serve'

      tip: a similar subcommand exists: 'events'

    Usage: wattle <COMMAND>

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(run(&["explian"]), @r"
    exit: 2
    ----- stderr
    error: unrecognized subcommand 'explian'

      tip: a similar subcommand exists: 'explain'

    Usage: wattle <COMMAND>

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(run(&["up", "--env", "LEVEL"]), @r"
    exit: 2
    ----- stderr
    error: invalid value 'LEVEL' for '--env <NAME=VALUE>': expected NAME=VALUE, as in LEVEL=debug

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(run(&["up", "--listen", "8080"]), @"
    exit: 2
    ----- stderr
    error: invalid value '8080' for '--listen <ADDR>': it is no IP address with a port; write `127.0.0.1:PORT` for this machine alone, or `0.0.0.0:8080` for all of its addresses

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(run(&["up", "--listen", "localhost:8080"]), @"
    exit: 2
    ----- stderr
    error: invalid value 'localhost:8080' for '--listen <ADDR>': it is no IP address with a port; write `127.0.0.1:PORT` or `[::1]:8080`

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(run(&["up", "--listen", ":8080"]), @"
    exit: 2
    ----- stderr
    error: invalid value ':8080' for '--listen <ADDR>': it is no IP address with a port; write `127.0.0.1:PORT` for this machine alone, or `0.0.0.0:8080` for all of its addresses

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(run(&["inspect"]), @r"
    exit: 2
    ----- stderr
    error: the following required arguments were not provided:
      <WHAT>

    Usage: wattle inspect <WHAT>

    For more information, try '--help'.
    ");
}

#[test]
fn completions_know_the_verbs() {
    for shell in ["bash", "zsh", "fish"] {
        let script = WATTLE.run(&App::empty(), ["completions", shell]);
        assert!(script.is_ok() && script.stderr.is_empty(), "{shell}: {script}");
        for verb in VERBS {
            assert!(script.stdout.contains(verb), "the completions of {shell} miss {verb}");
        }
    }
}

#[test]
fn completions_hide_the_internal_verb() {
    for shell in ["bash", "zsh", "fish"] {
        let script = WATTLE.run(&App::empty(), ["completions", shell]).stdout;
        assert!(!script.contains("__compile"), "the completions of {shell} show what is hidden");
    }
}

/// The schemas say what the parser takes: each key of the example is a property, and what is not is refused.
#[test]
fn schemas_are_json() {
    for (of, keys) in [("app", ["name", "components", "triggers"]), ("host", ["listen", "limits", "data-dir"])] {
        let ran = WATTLE.run(&App::empty(), ["schema", of]);
        let schema: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        for key in keys {
            assert!(schema["properties"][key].is_object(), "the schema of {of} misses {key}");
        }
        assert_eq!(schema["additionalProperties"], false);
        assert!(schema["$schema"].is_string());
    }
    assert_eq!(run(&["schema"]), run(&["schema", "app"]));
}

/// Closes the pipe before anything is written to it.
#[test]
fn a_reader_that_goes_away_is_no_error() {
    let app = App::empty();
    for arguments in [&["schema"][..], &["completions", "bash"], &["--help"]] {
        let mut child =
            WATTLE.command(&app).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

/// The whole of it goes through a pipe whose reader takes one line.
#[test]
fn head_takes_the_first_line() {
    let app = App::empty();
    let mut shell = std::process::Command::new("/bin/sh");
    let script = "\"$0\" schema 2>&1 | head -n 1";
    let ran = wattle_testkit::Ran::of(shell.args(["-c", script]).arg(WATTLE.path()).current_dir(app.path()));
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "{\n"));
}

#[test]
fn colour_only_where_it_is_wanted() {
    let app = App::new("nam = 1\n");
    let is_plain = |text: &str| !text.contains('\x1b');
    let check = |name: &str, value: &str| {
        let ran = wattle_testkit::Ran::of(WATTLE.command(&app).arg("check").env(name, value));
        assert_eq!(ran.code, Some(2));
        ran.stderr
    };
    assert!(is_plain(&check("TERM", "xterm-256color")), "no terminal, and yet colour");
    assert!(is_plain(&check("NO_COLOR", "1")), "NO_COLOR, and yet colour");
    assert!(!is_plain(&check("CLICOLOR_FORCE", "1")), "colour was forced, and there is none");
}

//! Compiling in a child process: this binary again, with less priority and with limits on time and memory, so that no
//! component can hurt the host before it runs.

use std::io::{Read, Write};
#[cfg(target_os = "linux")]
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::Stdio;

use bytes::Bytes;
use clap::Parser;
use futures::future::BoxFuture;
use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use wattle_host::Compiler;
use wattle_host::engine::{CompileError, Profile, compile};
use wattle_spec::limits::HostLimits;

use crate::cli::Compile;
use crate::problem::Problem;

/// The first argument of the child.
const VERB: &str = "__compile";
/// How much the child stands back: a third of the processor's time where it has to share with the host, so that requests
/// come first and a host that is fully busy still gets its apps started. With 10 it would be a tenth.
const NICE: i32 = 5;
/// The most machine code that is taken from the child.
const CODE_MAX: u64 = 1 << 30;
/// How much of what the child says is kept for the error.
const OUTPUT_MAX: u64 = 4 << 10;

/// Starts a process for each component.
pub(crate) struct ChildCompiler;

impl Compiler for ChildCompiler {
    fn compile(
        &self,
        profile: Profile,
        wasm: Bytes,
        limits: &HostLimits,
    ) -> BoxFuture<'static, Result<Vec<u8>, CompileError>> {
        let limits = *limits;
        Box::pin(async move {
            match tokio::time::timeout(limits.compile_time, compile_in_child(profile, wasm, limits)).await {
                Ok(done) => done,
                Err(_) => Err(CompileError::TooSlow(limits.compile_time)),
            }
        })
    }
}

/// This very binary, even if its file has been replaced since. Where there is no `/proc`, the path that it was started
/// by, which nobody changes the directory under.
fn this_binary() -> std::io::Result<PathBuf> {
    let running = PathBuf::from("/proc/self/exe");
    if running.exists() {
        return Ok(running);
    }
    #[cfg(target_os = "linux")]
    return Ok(std::ffi::OsStr::from_bytes(rustix::param::linux_execfn().to_bytes()).into());
    #[cfg(not(target_os = "linux"))]
    std::env::current_exe()
}

async fn compile_in_child(profile: Profile, wasm: Bytes, limits: HostLimits) -> Result<Vec<u8>, CompileError> {
    let failed = |operation| move |source| CompileError::Process { operation, source };
    let mut child = Command::new(this_binary().map_err(failed("find"))?)
        .arg(VERB)
        .args(["--profile", profile.name()])
        .args(["--cpu-seconds", &limits.compile_time.as_secs().max(1).to_string()])
        .args(["--memory-bytes", &limits.compile_memory.0.to_string()])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed("start"))?;
    let missing = || std::io::Error::from(std::io::ErrorKind::BrokenPipe);
    let mut stdin = child.stdin.take().ok_or_else(missing).map_err(failed("write to"))?;
    let stdout = child.stdout.take().ok_or_else(missing).map_err(failed("read from"))?;
    let stderr = child.stderr.take().ok_or_else(missing).map_err(failed("read from"))?;
    let feed = async move {
        // A child that ended early says why on stderr.
        let _ = stdin.write_all(&wasm).await;
        drop(stdin);
    };
    let (mut code, mut output) = (Vec::new(), Vec::new());
    let (_, read, told) = tokio::join!(feed, read(stdout, CODE_MAX, &mut code), read(stderr, OUTPUT_MAX, &mut output));
    read.and(told).map_err(failed("read from"))?;
    let status = child.wait().await.map_err(failed("wait for"))?;
    let output = String::from_utf8_lossy(&output).trim().to_owned();
    match status.code() {
        Some(0) => Ok(code),
        Some(1) => Err(CompileError::Refused { reason: output }),
        _ => {
            tracing::debug!(%status, output, "the compiling process ended early");
            Err(CompileError::Died { status: status.to_string() })
        }
    }
}

/// Reads `from` to its end and keeps the first `max` bytes; what is not read would block the child.
async fn read(from: impl AsyncRead + Unpin, max: u64, into: &mut Vec<u8>) -> std::io::Result<()> {
    let mut kept = from.take(max);
    kept.read_to_end(into).await?;
    tokio::io::copy(&mut kept.into_inner(), &mut tokio::io::sink()).await.map(drop)
}

/// Whether this process is the child: then with which arguments.
pub(crate) fn asked_for() -> Option<Compile> {
    let mut arguments = std::env::args_os().skip(1);
    (arguments.next()? == VERB).then(|| Compile::parse_from(std::env::args_os().skip(1)))
}

/// The child: takes its limits, reads Wasm, writes machine code.
pub(crate) fn run_as_child(arguments: &Compile) -> Result<(), Problem> {
    let system = |operation| move |source: std::io::Error| Problem::System { operation, source };
    let limit = |resource, most| setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
    limit(Resource::As, arguments.memory_bytes).map_err(|error| system("limit the memory")(error.into()))?;
    limit(Resource::Cpu, arguments.cpu_seconds).map_err(|error| system("limit the time")(error.into()))?;
    limit(Resource::Core, 0).map_err(|error| system("limit the core dump")(error.into()))?;
    let _ = rustix::process::nice(NICE);
    let profile = Profile::named(&arguments.profile)
        .ok_or_else(|| Problem::Compile(format!("there is no engine profile {:?}", arguments.profile)))?;
    let mut wasm = Vec::new();
    std::io::stdin().lock().read_to_end(&mut wasm).map_err(system("read the component"))?;
    let code = match compile(profile, &wasm) {
        Ok(code) => code,
        Err(CompileError::Refused { reason }) => return Err(Problem::Compile(reason)),
        Err(error) => return Err(Problem::Compile(error.to_string())),
    };
    std::io::stdout().lock().write_all(&code).map_err(system("write the code"))
}

"""The adapter between `wattle run` and the runner of the WASI test-suite.

    git clone --branch prod/testsuite-base https://github.com/WebAssembly/wasi-testsuite
    cd wasi-testsuite
    WATTLE=/path/to/wattle ./run-tests --runtime-adapter /path/to/tests/wasi-testsuite/wattle.py

What passes and why the rest does not is in SPECIFICATION.md.
"""

import os
import shlex
import subprocess
import tempfile
from typing import Dict, List, Optional, Tuple

WATTLE = shlex.split(os.getenv("WATTLE", "wattle"))

# What tests of HTTP and sockets speak to: other programs on this machine.
ALLOWED = ["http=http://*:*", "network=loopback", "tcp=loopback:*", "udp=loopback:*"]
NETWORK = [part for what in ALLOWED for part in ("--allow", what)]

MANIFEST = """
name = "test"
[components.test]
source = "{source}"
allow = {{ http = ["http://*:*", "https://*:*"], networks = ["loopback"] }}
[[triggers.http]]
path = "/..."
component = "test"
"""


def get_name() -> str:
    return "wattle"


def get_version() -> str:
    result = subprocess.run(WATTLE + ["--version"], encoding="UTF-8", capture_output=True, check=True)
    return result.stdout.split()[1]


def get_wasi_versions() -> List[str]:
    return ["wasm32-wasip1", "wasm32-wasip3"]


def get_wasi_worlds() -> List[str]:
    return ["wasi:cli/command", "wasi:http/service"]


def compute_argv(
    test_path: str,
    args_env_root: Tuple[List[str], Dict[str, str], Optional[str]],
    proposals: List[str],
    wasi_world: str,
    wasi_version: str,
) -> List[str]:
    args, env, root = args_env_root
    variables = [part for name, value in env.items() for part in ("--env", f"{name}={value}")]
    if wasi_world == "wasi:http/service":
        app = tempfile.mkdtemp(prefix="wattle-")
        with open(os.path.join(app, "wattle.toml"), "w", encoding="UTF-8") as manifest:
            manifest.write(MANIFEST.format(source=os.path.abspath(test_path)))
        # The runner looks for the address in the first line of stderr.
        shell = ["sh", "-c", 'WATTLE_LOG=off exec "$0" "$@" >&2']
        return shell + WATTLE + ["up", "--listen", "127.0.0.1:0"] + variables + [app]
    directory = ["--dir", f"{root}::/"] if root else []
    return WATTLE + ["run"] + NETWORK + variables + directory + [test_path, "--"] + args

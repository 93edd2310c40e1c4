"""The Chromium that the browser tests drive: find the machine's own, or get one.

`python -m tests.browser.chromium` is what `make test` calls before the tests. Without a browser these are skipped;
where CI=true they have to run, and it fails.
"""

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MACS_OWN = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
PANGO = ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0", "fonts-liberation")  # what PDFs are drawn with
PLAYWRIGHTS = ("chromium-*/chrome-linux*/chrome", "chromium-*/chrome-mac*/*.app/Contents/MacOS/*")


@functools.cache
def find():
    """Return the path of a Chromium that starts: the one CHROMIUM names, the system's, or Playwright's; or None."""
    if named := os.environ.get("CHROMIUM"):
        return named
    return next(filter(_starts, _candidates()), None)


def _candidates():
    yield from filter(None, map(shutil.which, NAMES))
    yield from filter(os.path.exists, MACS_OWN)
    caches = [os.environ.get("PLAYWRIGHT_BROWSERS_PATH"), "~/.cache/ms-playwright", "~/Library/Caches/ms-playwright"]
    for cache in filter(None, caches):
        for pattern in PLAYWRIGHTS:
            yield from map(str, sorted(Path(cache).expanduser().glob(pattern), reverse=True))


def _starts(path):
    """Ubuntu's `chromium-browser` may be a note that asks for a snap, and a copied one may lack its libraries."""
    try:
        return subprocess.run([path, "--version"], capture_output=True, timeout=30, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def get():
    """Return find(), after getting a Chromium from the system's packages or from Playwright where there was none."""
    if found := find():
        return found
    print("The browser tests need Chromium: getting it.", flush=True)
    playwright = [sys.executable, "-m", "playwright", "install", "chromium"]
    attempts = [[playwright]]
    if os.geteuid() == 0 and shutil.which("apt-get"):
        attempts = [
            [["apt-get", "update", "-q"], ["apt-get", "install", "-q", "-y", "chromium", *PANGO]],
            [[*playwright, "--with-deps"]],
        ]
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for commands in attempts:
        for command in commands:
            subprocess.run(command, env=quiet, stdout=subprocess.DEVNULL, check=False)
        find.cache_clear()
        if found := find():
            return found
    return None


def main():
    if get():
        return 0
    print(
        "There is no Chromium here and none could be installed, so the browser tests are skipped: "
        "install chromium, or name one in CHROMIUM."
    )
    return 1 if os.environ.get("CI") == "true" else 0


if __name__ == "__main__":
    sys.exit(main())

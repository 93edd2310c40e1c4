"""A drawing becomes a picture, in a process of its own: run as a program, SVG on its input, PNG on its output.

A drawing of a few bytes can ask the renderer for more memory than there is, which ends the process it runs in; here
that is a small one, with little time and memory, that holds nothing else.
"""

import resource
import subprocess
import sys

SECONDS = 5  # of a processor
PATIENCE = 30  # seconds: a machine under load needs longer to begin
MEMORY = 1 << 30  # bytes of address space


class Failed(Exception):
    """The renderer gave up, ran out of time or memory, or made nothing."""


def png_of(svg):
    """The PNG bytes of an SVG string that names its own size. Raises Failed."""
    program = [sys.executable, "-I", __file__]
    try:
        done = subprocess.run(program, input=svg.encode(), capture_output=True, timeout=PATIENCE, check=True, env={})
    except subprocess.SubprocessError:
        raise Failed from None
    return done.stdout


def main():
    import vl_convert  # noqa: PLC0415 - only here, so that no other process ever renders

    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.stdout.buffer.write(vl_convert.svg_to_png(sys.stdin.buffer.read().decode()))


if __name__ == "__main__":
    main()

"""The words of a PDF, in a process of its own: run as a program, a PDF on its input, JSON on its output.

A PDF of a few kilobytes can unpack into more than there is time and memory for; here that is a small process, with
little of both, that holds nothing else. It imports nothing of ours, so that it starts at once.
"""

import json
import resource
import subprocess
import sys
from io import BytesIO

SECONDS = 6  # of the processor: 300 full pages take about half of it
WAIT = 10  # seconds by the clock, where the machine has much else to do
MEMORY = 1 << 30  # bytes of address space
LARGEST_PAGE = 8 * 1024 * 1024  # bytes of one page's own drawing, unpacked


class Refused(Exception):
    """Nothing was read; `why` is "locked", "long", "slow" or "broken"."""

    def __init__(self, why):
        super().__init__(why)
        self.why = why


def pages_of(data, *, most, longest):
    """The text of each page of a PDF (bytes): at most `most` pages, and `longest` characters. Raises Refused."""
    program = [sys.executable, "-I", __file__, str(SECONDS), str(most), str(longest)]
    try:
        done = subprocess.run(program, input=data, capture_output=True, timeout=WAIT, check=True, env={})
    except subprocess.SubprocessError:  # out of time, or of memory
        raise Refused("slow") from None
    answer = json.loads(done.stdout)
    if "why" in answer:
        raise Refused(answer["why"])
    return answer["pages"]


def main():
    seconds, most, longest = map(int, sys.argv[1:])
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        answer = {"pages": _read(sys.stdin.buffer.read(), most, longest)}
    except Refused as refused:
        answer = {"why": refused.why}
    except MemoryError:
        answer = {"why": "slow"}
    except Exception:  # a damaged PDF breaks the reader in many ways, and all mean the same
        answer = {"why": "broken"}
    sys.stdout.write(json.dumps(answer))  # ASCII, so that no locale is asked for


def _read(data, most, longest):
    from pypdf import PdfReader  # noqa: PLC0415 - only here, so that no other process ever reads one
    from pypdf.errors import LimitReachedError  # noqa: PLC0415

    reader = PdfReader(BytesIO(data))
    if reader.is_encrypted and not reader.decrypt(""):
        raise Refused("locked")
    if len(reader.pages) > most:
        raise Refused("long")
    found, length = [], 0
    for page in reader.pages:
        try:
            drawing = page.get_contents()
            size = 0 if drawing is None else len(drawing.get_data())
        except LimitReachedError:
            size = LARGEST_PAGE + 1
        if size > LARGEST_PAGE:
            raise Refused("slow")
        found.append(page.extract_text())
        length += len(found[-1])
        if length > longest:
            raise Refused("long")
    return found


if __name__ == "__main__":
    main()

"""PDFs are drawn with Pango, which comes with the system. Where CI=true their tests have to run."""

import os

import pytest

from coalition import papers

needs_pango = pytest.mark.skipif(
    not papers.available() and os.environ.get("CI") != "true",
    reason="Pango is not installed, so no PDF can be drawn: apt install libpango-1.0-0 libpangoft2-1.0-0",
)

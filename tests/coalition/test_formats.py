"""Numbers as people here read them, in both languages."""

import pytest
from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils import formats, translation


@pytest.mark.parametrize("language", ["en", "es"])
def test_numbers_are_written_alike_in_both_languages(language):
    with translation.override(language):
        assert (intcomma(4570), formats.number_format("1234.5", force_grouping=True)) == ("4,570", "1,234.5")

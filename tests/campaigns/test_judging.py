"""What keeps one language of a message from leaving, said to its organizer."""

import pytest

from campaigns import judging
from campaigns.models import MessageContent
from tests.campaigns.contents import content
from tests.factories import MessageFactory


def test_a_good_message_has_no_problems(installation):
    assert [judging.problems(c) for c in MessageContent.objects.filter(message=MessageFactory())] == [[], []]


def test_what_is_missing_is_named(installation):
    assert judging.problems(content()) == ["The subject is missing.", "The text is missing."]
    assert judging.problems(content(subject="S", body="B", button=("Go", ""))) == [
        "The button in block 2 needs both its words and an address."
    ]
    assert judging.problems(content(channel="phone", body="B")) == []


def test_an_unknown_field_keeps_the_message_back(installation):
    made = content(subject="{{ nickname }}", body="Dear {{ first_name }}")
    assert judging.problems(made) == ["Nobody can fill in “nickname”."]


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "//evil.example", "data:text/html,x", "https://", "ftp://x/y", "/a b"]
)
def test_a_button_leads_only_where_it_is_safe(installation, url):
    made = content(subject="S", body="B", button=("Go", url))
    assert judging.problems(made) == [f"The link in block 2 must begin with https:// or be a path of this site: {url}"]


def test_E6_an_email_that_mail_programs_would_cut_off_is_kept_back(installation):
    made = content(subject="S", body="word " * 25_000)
    assert judging.problems(made) == ["The email is larger than 100 kB: mail programs would cut it off."]


def test_a_text_that_is_too_long_is_kept_back(installation):
    assert judging.problems(content(channel="phone", body="a" * 1700)) == ["The text is longer than 1600 characters."]

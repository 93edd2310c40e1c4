"""The frame of a draft: for whom it is, how many by lot, where it may be read, where its visitors came from."""

import pytest

from campaigns.forms.sending import FrameForm
from coalition.models import Segment
from tests.factories import CampaignFactory, MessageFactory


def frame(message, **said):
    return FrameForm({"name": "Vote", "campaign": message.campaign_id} | said, instance=message)


@pytest.fixture
def message(db):
    return MessageFactory(campaign=CampaignFactory())


def test_what_is_not_said_means_everybody_and_no_archive(message):
    form = frame(message)
    assert form.is_valid(), form.errors
    kept = form.cleaned_data
    assert (kept["share"], kept["archived"], kept["source"]) == (100, False, "")
    assert (list(kept["included"]), list(kept["excluded"])) == ([], [])


def test_a_segment_cannot_be_both_in_and_out(message):
    one, two = (Segment.objects.create(name=name, criteria={}) for name in ("Educators", "Families"))
    form = frame(message, included=[one.pk, two.pk], excluded=[two.pk])
    assert form.errors == {"excluded": ["Families cannot be both in and out."]}


@pytest.mark.parametrize(
    ("field", "said"), [("share", "0"), ("share", "101"), ("share", "x"), ("source", "año 2026"), ("source", "a&b=c")]
)
def test_a_share_or_a_source_that_makes_no_sense_is_refused(message, field, said):
    assert list(frame(message, **{field: said}).errors) == [field]


def test_a_text_has_no_place_in_the_archive(db):
    assert "archived" not in FrameForm(instance=MessageFactory(channel="phone")).fields

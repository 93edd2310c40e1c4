"""A text as it leaves, and what it costs (rules S8, S13)."""

import pytest

from campaigns import merge_fields, rendering, texting
from tests.campaigns.contents import content
from tests.factories import PersonFactory


def test_S13_a_text_opens_with_who_writes_and_ends_with_the_way_out(installation):
    person = PersonFactory(given_name="Eva", phone="+14135550111", opted_in=True)
    said = rendering.render(content(channel="phone", body="the vote is today, {{ first_name }}."), person).text
    assert said == "Riverbend: the vote is today, Eva. Reply STOP to end."


def test_S13_a_text_that_says_so_itself_is_left_alone(installation):
    person = PersonFactory(phone="+14135550111", opted_in=True)
    body = "Riverbend: la votación es hoy. ALTO para salir."
    assert rendering.render(content("es", channel="phone", body=body), person).text == body


def test_a_text_never_names_the_personal_link(installation):
    person = PersonFactory(phone="+14135550111", opted_in=True)
    assert "preferences" not in rendering.render(content(channel="phone", body="Hi"), person).text


# What it costs


@pytest.mark.parametrize(
    ("text", "encoding", "units", "segments"),
    [
        ("", "GSM-7", 0, 0),
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("é ñ ü É Ñ Ü ¿ ¡ à", "GSM-7", 17, 1),
        ("{}[]~^\\|€", "GSM-7", 18, 1),
        ("á" * 70, "UCS-2", 70, 1),
        ("á" * 71, "UCS-2", 71, 2),
        ("á" * 134, "UCS-2", 134, 2),
        ("á" * 135, "UCS-2", 135, 3),
        ("😀" * 35, "UCS-2", 70, 1),
    ],
)
def test_S8_segments(text, encoding, units, segments):
    assert tuple(texting.segments_of(text)) == (encoding, units, segments)


def test_S8_no_pair_is_split():
    # 152 and an escape of two: the escape goes whole to the second segment, so that the end needs a third.
    assert texting.segments_of("a" * 152 + "€" + "a" * 151).segments == 2
    assert texting.segments_of("a" * 152 + "€" + "a" * 152).segments == 3
    assert texting.segments_of("😀" * 67).segments == 3  # 134 units, but 33 pairs fill a segment of 67


def test_S8_the_characters_that_cost_are_named():
    assert texting.segments_of("¿Votará usted? “Sí”").costly == ["á", "“", "í", "”"]
    assert texting.segments_of("¿Votara usted?").costly == []


def test_S8_merge_fields_count_at_their_longest():
    longest = len(merge_fields.LONGEST["first_name"])
    assert texting.segments_of("Hi {{ first_name|friend }}!").units == len("Hi !") + longest

"""The words of the text programme, as an administrator may change them."""

import pytest
from django.urls import reverse

from campaigns.models import Keyword, ReplyTemplate
from tests import factories


@pytest.fixture
def administrator(client, db):
    client.force_login(factories.UserFactory())
    return client


def test_a_join_word_is_kept_in_capitals_without_accents(administrator):
    answer = administrator.post(reverse("keywords:add"), {"word": "Lectúra!", "language": "es", "active": "on"})
    assert answer.status_code == 302
    assert Keyword.objects.get().word == "LECTURA"
    assert administrator.get(reverse("keywords:index")).status_code == 200


@pytest.mark.parametrize("word", ["Alto", "HELP", "alta", "sí", "👍"])
def test_S3_a_word_with_a_meaning_cannot_be_a_join_word(administrator, word):
    administrator.post(reverse("keywords:add"), {"word": word, "language": "es", "active": "on"})
    assert Keyword.objects.count() == 0


def test_S2_a_reply_must_name_the_way_out_and_help_in_every_language(administrator):
    said = {"kind": "ask", "text_en": "Join us? Reply YES. HELP, STOP", "text_es": "¿Se une? Responda SI."}
    page = administrator.post(reverse("replies:add"), said)
    assert page.context["form"].errors == {"text_es": ["This reply has to name STOP/ALTO, HELP/AYUDA."]}
    assert administrator.post(reverse("replies:add"), said | {"text_es": "¿Se une? SI, AYUDA, ALTO"}).status_code == 302
    row = ReplyTemplate.objects.get()
    assert row.text.data == {"en": said["text_en"], "es": "¿Se une? SI, AYUDA, ALTO"}
    page = administrator.get(reverse("replies:edit", args=[row.pk]))
    assert page.context["form"]["text_es"].value() == "¿Se une? SI, AYUDA, ALTO"
    assert administrator.get(reverse("replies:index")).status_code == 200

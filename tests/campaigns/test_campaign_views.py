"""The back office's pages about campaigns."""

import pytest
from django.urls import reverse

from campaigns.models import Campaign
from tests.factories import CampaignFactory, MessageFactory, UserFactory


@pytest.fixture
def staff(installation, client):
    client.force_login(UserFactory())


def test_a_campaign_has_a_name_in_every_language(client, staff):
    data = {"name_en": "Reading coaches", "name_es": "Asesores de lectura", "bill": "H. 9104"}
    client.post(reverse("backoffice_campaigns:add"), data)
    campaign = Campaign.objects.get()
    assert campaign.name.data == {"en": "Reading coaches", "es": "Asesores de lectura"}
    client.post(reverse("backoffice_campaigns:edit", args=[campaign.pk]), data | {"name_es": "Asesores"})
    campaign.refresh_from_db()
    assert campaign.name.data == {"en": "Reading coaches", "es": "Asesores"}
    response = client.post(reverse("backoffice_campaigns:add"), {"name_en": "Another"})
    assert response.context["form"].errors.keys() == {"name_es"}


def test_a_campaign_shows_its_messages_and_stays_while_it_has_any(client, staff):
    message = MessageFactory()
    empty = CampaignFactory()
    page = client.get(reverse("backoffice_campaigns:inspect", args=[message.campaign_id]))
    assert [row for row, _figures in page.context["rows"]] == [message]
    assert client.post(reverse("backoffice_campaigns:delete", args=[message.campaign_id])).status_code == 404
    client.post(reverse("backoffice_campaigns:delete", args=[empty.pk]))
    assert list(Campaign.objects.all()) == [message.campaign]


def test_the_list_counts_messages(client, staff):
    message = MessageFactory()
    MessageFactory(campaign=message.campaign)
    rows = client.get(reverse("backoffice_campaigns:index")).context["object_list"]
    assert [(row.message_count, row.webinar_count) for row in rows] == [(2, 0)]

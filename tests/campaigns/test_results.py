"""What became of a delivery, in one sentence."""

from campaigns import results
from campaigns.models import Delivery
from tests import factories


def test_why_says_what_the_provider_said_of_a_bounce(db):
    message = factories.MessageFactory()
    said = {r: str(results.why(Delivery(state="bounced", error=r), message)) for r in ("invalid", "spam", "other", "")}
    assert said == {
        "invalid": "Did not arrive: there is no such mailbox.",
        "spam": "Did not arrive: the receiving side took it for spam.",
        "other": "Did not arrive: it bounced.",
        "": "Did not arrive: it bounced.",
    }

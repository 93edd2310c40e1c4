"""Partners, texts and answers for the tests of sign-ons."""

from datetime import timedelta

from django.utils import timezone

from coalition import counting, publishing, signing_on
from coalition.models import Decision
from coalition.publishing import Text
from tests import factories

Choice = Decision.Choice
KEPT = {"signer_name": "Carmen Iris Maldonado", "signer_title": "Director", "language": "en"}


def texts(en="Ten steps.", es="Diez pasos."):
    return {
        "en": Text.of("Every reader", "In short", f"<p>{en}</p>"),
        "es": Text.of("Que todos lean", "En breve", f"<p>{es}</p>"),
    }


def open_round(publication, editor, days=7):
    return signing_on.open_round(
        publication,
        deadline=timezone.now() + timedelta(days=days),
        zone="America/New_York",
        addressee={"en": "The committee", "es": "El comité"},
        message={"en": "Please read.", "es": "Por favor lean."},
        by=editor,
    )


def asked(round_, language="en", organization=None, **organization_fields):
    """One partner with one signatory, asked."""
    organization = organization or factories.OrganizationFactory(**organization_fields)
    representative = factories.RepresentativeFactory(
        organization=organization, person=factories.PersonFactory(email=True, language=language)
    )
    return signing_on.invite(round_, [representative]).asked[0]


def sign(invitation, choice=Choice.SIGN, **more):
    version = invitation.round.publication.current_version
    return signing_on.decide(
        invitation, **{"version": version, "choice": choice, "attested": choice == Choice.SIGN, **KEPT, **more}
    )


def amend(publication, editor, material=True, en="Eleven steps."):
    return publishing.freeze(publication, texts(en=en), by=editor, material=material, note="One more step")


def board(round_):
    """Every partner on the board of a round, in its order."""
    whole = counting.Board(round_)
    return whole.lines(whole.partners())

"""Why something about a sign-on is not done."""


class LinkError(Exception):
    """A personal link that opens nothing."""


class UnknownLink(LinkError):
    """Altered, cut short, or never ours."""


class RevokedLink(LinkError):
    """Ours once; withdrawn, replaced, or its person no longer speaks for the organization."""


class ExpiredLink(LinkError):
    """Ours, and too old: `invitation` or, for a desk, `representative` is whose it was, so that a new one can go to the
    address on record. `by_code`: it came of a code, and another code opens the desk again."""

    def __init__(self, invitation=None, *, representative=None, by_code=False):
        super().__init__()
        self.invitation = invitation
        self.representative = representative
        self.by_code = by_code


class MayNotSign(Exception):
    """This person reads, and somebody else decides (rule G1)."""


class RoundClosed(Exception):
    """Answers are no longer taken; what stands can still be withdrawn."""


class Superseded(Exception):
    """The text was amended while the page was open. `version` is the one to read; nothing was stored."""

    def __init__(self, version):
        super().__init__()
        self.version = version


class OutsideScope(Exception):
    """The round asks organizations of other scopes; this one reads."""


class AlreadyAnswered(Exception):
    """A colleague answered while the page was open. `decision` is what they said; nothing was stored."""

    def __init__(self, decision):
        super().__init__()
        self.decision = decision


class NothingToWithdraw(Exception):
    """No answer stands that could be taken back."""


class NotInForce(Exception):
    """A standing authorization that ended, was replaced, or does not cover what it should. Nothing was changed."""

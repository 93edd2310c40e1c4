"""The pages of the public site, in every language of the coalition."""

from .briefs import BriefIndexPage, BriefPage
from .home import HomePage, TextPage
from .webinars import WebinarIndexPage, WebinarPage

__all__ = ["BriefIndexPage", "BriefPage", "HomePage", "TextPage", "WebinarIndexPage", "WebinarPage"]

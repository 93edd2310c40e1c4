"""The nouns of what a coalition does: messages and their ledger, texts, webinars."""

from .campaigns import Campaign
from .experiments import SplitTest
from .links import Click, Link, LinkCheck, Opening
from .messages import Choice, Delivery, Message, MessageContent, TrackingEvent, Waiver
from .pacing import Allowance, Pace, QuietDay, WarmUp
from .reports import Report
from .series import Enrolment, Series, Step
from .texts import Answer, Conversation, InboundText, Keyword, ReplyTemplate
from .webinars import Registration, Webinar

__all__ = [
    "Allowance",
    "Answer",
    "Campaign",
    "Choice",
    "Click",
    "Conversation",
    "Delivery",
    "Enrolment",
    "InboundText",
    "Keyword",
    "Link",
    "LinkCheck",
    "Message",
    "MessageContent",
    "Opening",
    "Pace",
    "QuietDay",
    "Registration",
    "ReplyTemplate",
    "Report",
    "Series",
    "SplitTest",
    "Step",
    "TrackingEvent",
    "Waiver",
    "WarmUp",
    "Webinar",
]

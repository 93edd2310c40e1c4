"""The nouns of what a coalition does: messages and their ledger, texts, webinars."""

from .campaigns import Campaign
from .messages import Choice, Delivery, Message, MessageContent, TrackingEvent
from .texts import Answer, Conversation, InboundText, Keyword, ReplyTemplate
from .webinars import Registration, Webinar

__all__ = [
    "Answer",
    "Campaign",
    "Choice",
    "Conversation",
    "Delivery",
    "InboundText",
    "Keyword",
    "Message",
    "MessageContent",
    "Registration",
    "ReplyTemplate",
    "TrackingEvent",
    "Webinar",
]

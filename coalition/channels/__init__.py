"""Channels: how a message leaves. The only place that knows the sending side of Anymail or Twilio."""

from .base import Envelope, Outcome, Status, channel_for

__all__ = ["Envelope", "Outcome", "Status", "channel_for"]

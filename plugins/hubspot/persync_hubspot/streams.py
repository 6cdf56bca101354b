"""What is read from HubSpot. Each stream says what it needs; the order here settles the rest."""

from __future__ import annotations

from persync_hubspot.streams_crm import CRM_STREAMS
from persync_hubspot.streams_mail import MAIL_STREAMS

STREAMS = (*CRM_STREAMS, *MAIL_STREAMS)

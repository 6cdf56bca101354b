"""A business with known causal truth, and the vendors' APIs over it: what a plugin's own sandbox is built on."""

from persync.sandbox.refusal import Refusal
from persync.sandbox.world import (
    Click,
    LedgerEvent,
    Line,
    Message,
    Open,
    SandboxOrder,
    SandboxPerson,
    Send,
    Visit,
    World,
    mc_eid,
    tag_id,
)

__all__ = [
    "Click",
    "LedgerEvent",
    "Line",
    "Message",
    "Open",
    "Refusal",
    "SandboxOrder",
    "SandboxPerson",
    "Send",
    "Visit",
    "World",
    "mc_eid",
    "tag_id",
]

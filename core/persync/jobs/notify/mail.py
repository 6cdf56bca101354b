"""E-mail: SMTP with TLS, the text, the same as HTML, and the reports attached."""

from __future__ import annotations

import hashlib
import html
import mimetypes
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from persync.errors import AuthError, ConfigError, PartlySentError, PersyncError
from persync.hookspecs import Message, Notifier

if TYPE_CHECKING:
    import smtplib

ATTACHED: Final = 10_000_000
"""bytes of attachments that most mail servers take; what would go beyond stays behind, and the mail says so"""
TIMEOUT_S: Final = 30.0

Address = Annotated[str, Field(pattern=r"^[^\s@<>,;:\"\\\x00-\x1f]+@[^\s@<>,;:\"\\\x00-\x1f]+$", max_length=254)]


class MailSettings(BaseModel):
    """[notify.NAME] of e-mail: the server, how its connection is kept secret, and who writes to whom."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    host: str = Field(pattern=r"^[\w.:-]+$")
    port: int = Field(default=587, ge=1, le=65_535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str | None = None
    sender: Address
    to: list[Address] = Field(min_length=1, max_length=50)


def mark(address: str) -> str:
    """Return what stands for a receiver where a message waits: not the address itself."""
    return hashlib.sha256(f"persync receiver\0{address}".encode()).hexdigest()[:16]


def mail_of(settings: MailSettings, message: Message) -> EmailMessage:
    """Return the mail: text, HTML and the files that fit. It has one id however often it is tried."""
    mail = EmailMessage()
    mail["Subject"] = message.subject
    mail["From"] = settings.sender
    mail["To"] = ", ".join(settings.to)
    mail["Date"] = datetime.fromtimestamp(message.made_at / 1000, UTC)
    # Of what it says, so that a server that took it and could not say so shows it once. The domain is the sender's: this
    # machine's name is nobody's business.
    said = repr((settings.sender, message.job, message.made_at, message.subject, message.text, message.attachments))
    mail["Message-ID"] = f"<{hashlib.sha256(said.encode()).hexdigest()[:32]}@{settings.sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    taken, left = 0, []
    files = []
    for path in message.attachments:
        size = path.stat().st_size if path.is_file() else None
        if size is None or taken + size > ATTACHED:
            left.append(path.name)
        else:
            taken += size
            files.append(path)
    note = f"Not attached, too large or not there: {', '.join(left)}." if left else ""
    mail.set_content(message.text + (f"\n{note}\n" if note else ""))
    if message.html:
        # A plugin's page may be without an end: then the note stands behind it.
        page, end, rest = message.html.rpartition("</body>") if "</body>" in message.html else (message.html, "", "")
        mail.add_alternative(page + (f"<p>{html.escape(note)}</p>\n" if note else "") + end + rest, subtype="html")
    for path in files:
        kind, encoding = mimetypes.guess_type(path.name)
        main, _, sub = (kind if kind and not encoding else "application/octet-stream").partition("/")
        # All that persync writes as text is UTF-8.
        params = {"charset": "utf-8"} if main == "text" else None
        mail.add_attachment(path.read_bytes(), maintype=main, subtype=sub, filename=path.name, params=params)
    return mail


def send(settings: MailSettings, secrets: Mapping[str, str], message: Message) -> None:
    """Send a mail. Raises AuthError without the user's password or when the server wants another one, PersyncError when it does
    not take the mail, its PartlySentError when it takes it not for all.

    What a server says is not repeated: it may quote an address.
    """
    import smtplib

    if settings.user is not None and "password" not in secrets:
        raise AuthError("its password was not found.")
    receivers = [one for one in settings.to if not message.only or mark(one) in message.only]
    if not receivers:
        return  # those who had not got it were taken out of the settings
    mail = mail_of(settings, message)
    server = f"{settings.host}:{settings.port}"
    try:
        with _connected(settings) as connection:
            if settings.user is not None:
                connection.login(settings.user, secrets["password"])
            refused = connection.send_message(mail, settings.sender, receivers)
    except smtplib.SMTPAuthenticationError:
        raise AuthError("the mail server refuses user and password.", where=server, hint="Put the right one away.") from None
    except smtplib.SMTPNotSupportedError:
        hint = "Set security and user to what it offers."
        raise ConfigError(
            "the mail server does not offer the encryption or sign-in asked for.", where=server, hint=hint
        ) from None
    except smtplib.SMTPResponseException as error:
        hint = "Check sender, to, user and password."
        raise PersyncError(f"the mail server did not take the mail ({error.smtp_code}).", where=server, hint=hint) from None
    except smtplib.SMTPRecipientsRefused:
        raise PersyncError("the mail server took none of the receivers.", where=server, hint="Check to.") from None
    except (smtplib.SMTPException, OSError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        hint = "Check host, port and security."
        raise PersyncError(f"the mail server cannot be reached ({reason}).", where=server, hint=hint) from None
    if refused:
        what = f"the mail server took the mail, but not for {len(refused)} of {len(receivers)} receivers."
        raise PartlySentError(what, left=tuple(sorted(map(mark, refused))), where=server, hint="Check to.")


@contextmanager
def _connected(settings: MailSettings) -> Iterator[smtplib.SMTP]:
    import smtplib
    import ssl

    if settings.security == "none" and not _is_loopback(settings.host):
        raise ConfigError(
            "mail without encryption is for a server on this machine alone.",
            where=f"{settings.host}:{settings.port}",
            hint='Set security = "starttls" or "tls".',
        )
    # The name given in the greeting: without one the library tells this machine's.
    name = "[127.0.0.1]"
    if settings.security == "tls":
        context = ssl.create_default_context()
        with smtplib.SMTP_SSL(settings.host, settings.port, name, timeout=TIMEOUT_S, context=context) as secure:
            yield secure
        return
    with smtplib.SMTP(settings.host, settings.port, name, timeout=TIMEOUT_S) as connection:
        if settings.security == "starttls":
            connection.starttls(context=ssl.create_default_context())
        yield connection


def _is_loopback(host: str) -> bool:
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def trial(folder: Path, url: str) -> Mapping[str, object]:
    """Return the settings that lead to a mail server of this machine."""
    server = urlsplit(url)
    return {
        "host": server.hostname,
        "port": server.port,
        "security": "none",
        "user": "persync",
        "sender": "persync@example.com",
        "to": ["owner@example.com"],
    }


NOTIFIER = Notifier(
    "email",
    "E-mail through an SMTP server.",
    send,
    settings_type=MailSettings,
    secrets={"password": "SMTP_PASSWORD"},
    wants=lambda settings: () if settings.user is None else ("password",),
    trial=trial,
    sink="smtp",
)

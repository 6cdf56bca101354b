"""What the name of a fact about a person says it is, in English, German, French, Spanish, Dutch and Italian: who they are, how
old, when born, which group they belong to. And the look of values that name somebody whatever their column is called.

Names are compared word by word: customer_age, customerAge, kundenalter and "Age of customer" are one. A word beside another
that makes it a fact about something else does not count: the age of an account, the name of a brand, the opens of an e-mail.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

__all__ = ["is_age", "is_birth", "is_demographic", "is_identity", "is_postal", "looks_identifying", "plain"]


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_AGE: Final = _set(
    "age ages ageband agegroup agerange ageclass agebracket yearsold alter altersgruppe altersklasse lebensalter edad leeftijd"
    " leeftijdsgroep eta trancheage grupoedad fasciaeta"
)
_BORN: Final = _set("born bday dob yob geboren bdate cumple")
_BIRTH: Final = re.compile(r"birth|geburt|geboorte|naissance|nacimiento|nascita|cumpleanos|compleanno|verjaardag")
_POSTAL: Final = _set("zip zipcode postal postalcode postcode plz postleitzahl codepostal codigopostal")
_DEMOGRAPHIC: Final = _set(
    "gender sex pronouns salutation country region province county city town language locale nationality citizenship marital"
    " married children kids household pregnant pregnancy income salary education occupation divorced spouse matrimonial"
    " race ethnicity religion"
    " geschlecht anrede familienstand zivilstand verheiratet nationalitaet staatsangehorigkeit wohnort bundesland religie rasse"
    " sexe civilite etatcivil nationalite ethnie genero sexo estadocivil nacionalidad raza geslacht aanhef"
    " burgerlijke burgerlijkestaat nationaliteit ras sesso genere statocivile nazionalita razza civil civile"
)
_SEXES: Final = _set(
    "m f w d v h male female man woman men women nonbinary maennlich mannlich weiblich divers homme femme hombre mujer"
    " masculino femenino vrouw uomo donna maschio femmina"
)
_NAMES: Final = _set(
    "name firstname lastname fname lname fullname surname forename givenname familyname middlename maidenname nickname"
    " vorname nachname familienname zuname nom prenom nomfamille apellido apellidos voornaam achternaam naam nome cognome"
)
_REACH: Final = _set(
    "email emailaddress mail phone phonenumber mobile mobilephone telephone address address1 address2 street streetaddress ip"
    " ipaddress latitude longitude adresse anschrift strasse hausnummer telefon telefonnummer handynummer mobilnummer"
    " mobiltelefon courriel direccion domicilio calle telefono correo adres straat huisnummer telefoonnummer indirizzo"
    " cellulare"
)
_ALONE: Final = _set("nombre mail mobile")
"""words that name somebody only by themselves or beside a word for a person: French `nombre` counts things"""
_PEOPLE: Final = _set(
    "customer client clients person people contact member subscriber user buyer recipient shopper owner guest patient employee"
    " kunde kunden kundin personen nutzer cliente clienta persona usuario utente klant klanten personne completo complet full"
)
_PLACES: Final = _set("home billing shipping delivery mailing street postal work private wohn liefer rechnungs haus")
_OTHERS: Final = _set(
    "account accounts membership subscription contract order orders cart basket product products item brand list profile"
    " relationship tenure device car vehicle house building domain site website company business shop store firm"
    " organisation organization pet dog cat baby campaign plan segment file channel category tier coupon event page host field"
    " template tag variant voucher promo offer loyalty program programme source referrer app browser konto vertrag firma"
    " marke produkt kampagne bestellung compte commande produit marque entreprise abonnement cuenta pedido producto marca"
    " empresa bestelling merk bedrijf conto ordine prodotto azienda"
)
_DEEDS: Final = _set(
    "open opens opened click clicks clicked count counts number order orders visit visits frequency client domain type status"
    " valid verified consent optin optout opt engagement sent sends app share provider device brand campaign campaigns"
    " subscriber rate source is has uses marketing channel bounce bounces bounced unsubscribes per newsletter"
)
_OF: Final = _set("of the de du des d la le del della di van von der")

_LETTERS: Final = str.maketrans({"ß": "ss", "æ": "ae", "ø": "o", "œ": "oe"})
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

_NUMBER: Final = re.compile(r"[\d.,+-]*", re.ASCII)
_STREET: Final = re.compile(
    r"(?:\d+\s?[a-z]?,?\s+(?:[\w.'-]+\s+){1,4}(?:street|st|road|rd|avenue|ave|lane|ln|drive|dr|boulevard|blvd|court)\b.*"
    r"|\d+\s?(?:bis|ter)?,?\s+(?:rue|avenue|boulevard|chemin|impasse|quai|allee)\s.+"
    r"|(?-i:Calle|Avenida|Paseo|Via|Viale|Piazza|Corso|Rua)\s.*\d+.*"
    r"|(?:[\w.'-]+[\s-])*\w*(?:strasse|str\.|weg|platz|gasse|allee|straat|laan|gracht|plein)\s*\d+\s?[a-z]?(?:,.*)?)",
    re.IGNORECASE,
)
_TITLED: Final = re.compile(
    r"(?:mrs?|ms|miss|herr|frau|mme|monsieur|madame|senora?|signora?|mevrouw|meneer)\.?\s+\w.*", re.IGNORECASE
)
_FULL: Final = re.compile(
    r"[A-Z][\w'’-]+(?:\s+(?:[A-Z]\.?|[a-z]{2,3}|[A-Z][\w'’-]+)){0,3}\s+[A-Z][\w'’-]+|[A-Z][\w'’-]+,\s+[A-Z][\w'’-]+"
)
_GIVEN: Final = _set(
    "james john robert michael william david richard joseph thomas charles daniel matthew anthony paul steven andrew"
    " kevin brian george edward jason jeffrey ryan jacob gary nicholas eric jonathan stephen larry justin scott brandon"
    " benjamin samuel gregory frank alexander patrick jack dennis jerry peter henry adam nathan oliver harry simon ian"
    " mary patricia jennifer linda elizabeth barbara susan jessica sarah karen lisa nancy betty sandra margaret ashley"
    " kimberly emily donna michelle carol amanda melissa deborah stephanie rebecca laura helen sharon cynthia kathleen"
    " amy angela anna ann anne emma olivia sophia sophie isabella mia julia julie jane alice lucy hannah hans klaus"
    " jurgen wolfgang stefan andreas matthias uwe heinz dieter manfred jens sven katrin sabine petra monika ursula heike"
    " birgit ingrid anja claudia lukas leon felix pierre michel francois philippe nicolas marie camille nathalie isabelle"
    " catherine jose antonio juan manuel francisco carlos javier miguel pedro luis jorge maria carmen ana lucia elena jan"
    " piet kees willem johanna marco giuseppe giovanni francesco luca mario giulia chiara francesca paolo mohammed"
    " muhammad mohamed ahmed ali fatima omar ming priya raj"
)


def plain(text: str) -> str:
    """Return a text without accents: Straße is Strasse, âge is age."""
    if text.isascii():
        return text
    return "".join(sign for sign in unicodedata.normalize("NFKD", text.translate(_LETTERS)) if not unicodedata.combining(sign))


@lru_cache(maxsize=4096)
def _words(name: str) -> tuple[str, ...]:
    """Return the words of a name in lower case; camelCase is taken apart, and a word for a person or a place off a compound."""
    out: list[str] = []
    for word in (found.lower() for found in _WORD.findall(plain(name))):
        head = next((one for one in (*_PEOPLE, *_PLACES) if word.startswith(one) and word[len(one) :] in _COMPOUNDED), "")
        out += [head, word[len(head) :]] if head else [word]
    return tuple(out)


def _found(name: str, known: frozenset[str], deeds: frozenset[str] = frozenset()) -> Iterator[int]:
    """Yield where a word of `known` stands in a name and is about a person: not next to a word for something else."""
    words = _words(name)
    content = [word for word in words if word not in _OF]
    for at, word in enumerate(content):
        beside = {*content[max(0, at - 1) : at], *content[at + 1 : at + 2]}
        if word in known and not (beside & (_OTHERS | deeds)):
            yield at
    if "".join(words) in known or "".join(content) in known:
        yield 0


@lru_cache(maxsize=4096)
def is_age(name: str) -> bool:
    """Tell whether a name is that of somebody's age; the age of an account or an order is not."""
    return any(True for _ in _found(name, _AGE)) or {"years", "old"} <= set(_words(name))


@lru_cache(maxsize=4096)
def is_birth(name: str) -> bool:
    """Tell whether a name is that of when somebody was born."""
    words = _words(name)
    return bool(_BIRTH.search("".join(words))) or not _BORN.isdisjoint(words)


@lru_cache(maxsize=4096)
def is_postal(name: str) -> bool:
    """Tell whether a name is that of a postal code."""
    words = _words(name)
    return not _POSTAL.isdisjoint(words) or "".join(words) in _POSTAL


def is_demographic(name: str, value: str = "") -> bool:
    """Tell whether a name is that of a group people belong to by who they are. `genre` is one if its value is a sex."""
    words = _words(name)
    if not _DEMOGRAPHIC.isdisjoint(words) or "".join(words) in _DEMOGRAPHIC:
        return True
    return "genre" in words and re.sub(r"[\W_]", "", plain(value).lower()) in _SEXES


@lru_cache(maxsize=4096)
def is_identity(name: str) -> bool:
    """Tell whether a name is that of what people are called or reached by."""
    words = [word for word in _words(name) if word not in _OF]
    alone = len(words) == 1 and words[0] in _ALONE
    if alone or any(word in _ALONE and {*words[max(0, at - 1) : at + 2]} & _PEOPLE for at, word in enumerate(words)):
        return True
    return any(True for _ in _found(name, (_NAMES | _REACH) - _ALONE, _DEEDS))


def looks_identifying(name: str, value: str) -> bool:
    """Tell whether a value looks like an e-mail address, a street with its number, or a person's full name (known by a title or
    a common first name): that last not where the attribute is about something else, such as a brand."""
    text = plain(value.strip())
    if _NUMBER.fullmatch(text):
        return False
    if re.fullmatch(r"\S+@\S+\.\S+", text) or _STREET.fullmatch(text) or _TITLED.fullmatch(text):
        return True
    if not _FULL.fullmatch(text) or not _OTHERS.isdisjoint(_words(name)):
        return False
    words = re.findall(r"[a-z]+", text.lower())
    return words[0] in _GIVEN or ("," in text and words[-1] in _GIVEN)


_COMPOUNDED: Final = _AGE | _NAMES | _REACH | _DEMOGRAPHIC | _BORN | _set("nummer")
"""what may follow a word for a person or a place in one word: kundenname, homephone"""

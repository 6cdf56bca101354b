"""What may be kept of a fact about a person, by its name."""

from __future__ import annotations

import pytest

from persync.coarse import coarse, identifies, is_birth, needs_basis

NOW = 1_790_812_800_000  # 2026-10-01, UTC


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("age", "17", "under 18"),
        ("AGE", "18", "18-29"),
        ("age_years", "44.9", "30-44"),
        ("Age group", "45", "45-59"),
        ("customer_age", "37", "30-44"),
        ("customerAge", "37", "30-44"),
        ("personAge", "41", "30-44"),
        ("kundenalter", "37", "30-44"),
        ("âge", "33", "30-44"),
        ("edad_cliente", "33", "30-44"),
        ("leeftijd", "33", "30-44"),
        ("età", "33", "30-44"),
        ("accountAge", "400", "400"),  # of an account, not of a person
        ("age of account", "37", "37"),
        ("date_naissance", "1984", "30-44"),
        ("fact", "Ann Smith", None),
        ("fact", "Smith, Ann", None),
        ("fact", "Frau Schmidt", None),
        ("fact", "12 High Street", None),
        ("fact", "Hauptstraße 12", None),
        ("fact", "3 rue de la Paix", None),
        ("fact", "Calle Mayor 5", None),
        ("fact", "ann@example.com", None),
        ("fact", "Free Shipping", "Free Shipping"),
        ("favourite_brand", "Paul Smith", "Paul Smith"),
        ("source", "via campaign 12", "via campaign 12"),
        ("age", "60", "60+"),
        ("age", "25-34", "25-34"),
        ("AGEBAND", "under 18", "under 18"),
        ("age", "121", None),
        ("age", "1984-03-17", None),
        ("age", "", None),
        ("zip", "10115", "10"),
        ("POST_CODE", "SW1A 1AA", "SW"),
        ("postal", "K1A 0B1", "K"),
        ("zip_code", "Surburban", "Surburban"),
        ("joined", "2024-05-17T10:00:00Z", "2024"),
        ("joined", "5/17/2024", "2024"),
        ("contract_start", "2024-05-17T10:00:00Z", "2024-05-17"),
        ("contract_end", "2024-05-17", "2024-05-17"),
        ("contract_signed", "2024-05-17", "2024"),
        ("tier", " gold ", "gold"),
        ("pages", "10115", "10115"),
    ],
)
def test_a_fact_is_kept_as_coarse_as_its_name_asks(name: str, value: str, kept: str | None) -> None:
    assert coarse(name, value, NOW) == kept


@pytest.mark.parametrize(
    ("born", "band"),
    [
        ("2008-10-02", "under 18"),
        ("2008-10-01", "18-29"),
        ("03/17/1984", "30-44"),
        ("1984", "30-44"),
        ("0", "45-59"),
        ("1700-01-01", None),
        ("2030-01-01", None),
        ("17th of March", None),
    ],
)
def test_a_date_of_birth_is_kept_as_a_band_alone_and_without_a_clock_not_at_all(born: str, band: str | None) -> None:
    assert coarse("date_of_birth", born, NOW) == band
    assert coarse("date_of_birth", born) is None


def test_a_name_is_known_however_it_is_written() -> None:
    assert {is_birth(one) for one in ("DOB", "date of birth", "BIRTHDAY", "birth_year", "dateOfBirth")} == {True}
    assert {is_birth(one) for one in ("dobermann", "reborn2", "age")} == {False}
    named = ("FNAME", "first name", "E-Mail Address", "phone_number", "street", "customer_name", "customerName", "home_address")
    abroad = ("kundenname", "Straße", "Nachname", "prénom", "nombre", "nombre_cliente", "apellidos", "achternaam", "cognome")
    other = ("brand_name", "gender", "channel", "email_opens", "has_email", "nombre_commandes", "campaignName", "company_name")

    assert {name for name in (*named, *abroad, *other) if identifies(name)} == {*named, *abroad}


def test_what_tells_who_somebody_is_needs_a_basis_and_what_they_did_does_not() -> None:
    who = ("age", "born", "gender", "sex", "country", "home_region", "marital_status", "health", "race", "ethnicity", "income")
    did = (
        "recency",
        "history",
        "tier",
        "newbie",
        "channel",
        "mens",
        "visits",
        "segment",
        "average_order",
        "page",
        "account_age",
    )

    who += ("maritalStatus", "geschlecht", "Familienstand", "sexe", "état_civil", "estado civil", "Religión", "customerRace")
    who += ("geslacht", "religie", "sesso", "etnia", "dateOfBirth", "Geburtsdatum", "fecha_nacimiento", "geboortedatum")

    assert {name for name in (*who, *did) if needs_basis(name)} == set(who)
    assert (needs_basis("genre", "femme"), needs_basis("genre", "rock")) == (True, False)
    assert (needs_basis("zip", "10115"), needs_basis("zip_code", "Rural")) == (True, False)


@pytest.mark.parametrize(
    ("name", "value"),
    [("age", "37"), ("plz", "10997"), ("born", "1961-05-17"), ("joined", "04.03.2025"), ("postcode", "SW1A 1AA")],
)
def test_what_is_coarse_already_stays_as_it_is(name: str, value: str) -> None:
    """So a store can be made coarse again and again."""
    kept = coarse(name, value, NOW)

    assert kept is not None
    assert coarse(name, kept, NOW) == kept

"""A visit is credited to the message and channel that its landing page names."""

from typing import Any

import pytest

from persync.rows import CampaignRef
from persync_shopify import visits

PAGE = "https://shop.example.com/collections/new"


def visit(landing: str | None = PAGE, **more: Any) -> Any:
    return {"id": "gid://shopify/CustomerVisit/1", "landingPage": landing, "source": "unknown", "sourceType": None, **more}


def utm(**values: str) -> dict[str, Any]:
    return {"utmParameters": {"source": None, "medium": None, "campaign": None, **values}}


@pytest.mark.parametrize(
    ("seen", "campaign"),
    [
        (visit(f"{PAGE}?mc_cid=0a1b2c3d4e&mc_eid=feed&utm_campaign=autumn&_hsmi=77"), ("mc_cid", "0a1b2c3d4e")),
        (visit(f"{PAGE}?_hsmi=330311002&_hsenc=p2ANq&utm_campaign=autumn"), ("hsmi", "330311002")),
        (visit(f"{PAGE}?utm_campaign=Autumn%20sale"), ("utm", "Autumn sale")),
        (visit(**utm(campaign="autumn")), ("utm", "autumn")),
        (visit(f"{PAGE}?mc_cid=%3Cscript%3E"), None),
        (visit(f"{PAGE}?mc_eid=feed"), None),
        (visit(f"{PAGE}?utm_campaign=ann@example.com"), None),
        (visit(None), None),
        (visit("http://[broken/?mc_cid=1"), None),
    ],
)
def test_the_campaign_is_the_mail_platforms_id_before_the_utm_name(seen: Any, campaign: tuple[str, str] | None) -> None:
    assert visits.campaign(seen) == (None if campaign is None else CampaignRef(campaign))


@pytest.mark.parametrize(
    ("seen", "channel"),
    [
        (visit(f"{PAGE}?mc_cid=0a1b2c3d4e", source="direct"), "email"),
        (visit(f"{PAGE}?_hsmi=330311002"), "email"),
        (visit(**utm(medium="Email", source="news")), "email"),
        (visit(source="email"), "email"),
        (visit(sourceType="NEWSLETTER", source="Mailchimp"), "email"),
        (visit(sourceType="ABANDONED_CART"), "email"),
        (visit(**utm(medium="sms")), "sms"),
        (visit(**utm(medium="cpc", source="google")), "paid_search"),
        (visit(**utm(medium="paid_social", source="instagram")), "paid_social"),
        (visit(**utm(medium="cpc", source="somewhere")), "paid"),
        (visit(f"{PAGE}?gclid=1", source="google"), "paid_search"),
        (visit(sourceType="AD", source="facebook"), "paid_social"),
        (visit(sourceType="SEO", source="Google"), "organic_search"),
        (visit(source="google", referrerUrl="https://www.google.com/"), "organic_search"),
        (visit(referrerUrl="https://duckduckgo.com/?q=x"), "organic_search"),
        (visit(source="facebook"), "social"),
        (visit(source="https://l.instagram.com/"), "social"),
        (visit(referrerUrl="https://t.co/abc"), "social"),
        (visit(**utm(medium="affiliate")), "affiliate"),
        (visit(source="blog.example.org", referrerUrl="https://blog.example.org/post"), "referral"),
        (visit(source="direct"), "direct"),
        (visit(source="unknown"), "direct"),
        (visit(sourceType="A_NEW_TACTIC", source="direct"), "direct"),
    ],
)
def test_the_channel_follows_the_surest_sign(seen: Any, channel: str) -> None:
    assert visits.channel(seen) == channel


@pytest.mark.parametrize(("word", "source"), [(" Google ", "google"), ("ann@example.com", ""), ("", "")])
def test_the_source_is_kept_as_a_word_unless_it_names_a_person(word: str, source: str) -> None:
    assert visits.source(visit(source=word)) == source


@pytest.mark.parametrize(
    ("landing", "page"),
    [
        (f"{PAGE}?mc_eid=feed#top", PAGE),
        ("https://shop.example.com", "https://shop.example.com/"),
        ("https://ann:secret@shop.example.com:8443/a", "https://shop.example.com/a"),
        ("https://shop.example.com/account/activate/99/token", "https://shop.example.com/account"),
        ("https://shop.example.com/55/orders/0f0f/authenticate", "https://shop.example.com/55/orders"),
        ("https://shop.example.com/u/ann@example.com/x", "https://shop.example.com/u"),
        ("javascript:alert(1)", None),
        ("/relative", None),
        (None, None),
    ],
)
def test_a_landing_page_is_kept_without_what_may_name_a_person(landing: str | None, page: str | None) -> None:
    assert visits.page(visit(landing)) == page

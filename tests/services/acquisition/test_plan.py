"""Each piece of evidence about acquisition links is one fact."""

import pytest

from services.acquisition.model import (
    AcquisitionLinkDeleted,
    AcquisitionLinkUnavailable,
    AcquisitionLinkUsed,
    AcquisitionQuotaChanged,
    Evidence,
    LinkNews,
    QuotaNews,
)
from services.acquisition.plan import plan_fact
from tests.services.factories import at


@pytest.mark.parametrize("news", QuotaNews)
def test_the_quota_changed(news: QuotaNews):
    """Low, used up, filled up, about to lapse: what it is about is a code."""
    fact = plan_fact(Evidence("corp", news.value, at(5), count=120))
    assert fact == AcquisitionQuotaChanged(occurred_at=at(5), news=news.value, count=120)


@pytest.mark.parametrize("news", LinkNews)
def test_every_news_of_a_link_is_a_fact(news: LinkNews):
    """None is forgotten, and each is told with the link."""
    fact = plan_fact(Evidence("caw1", news.value, at(5)))
    assert fact is not None
    assert fact.subject == ("acquisition_link", "caw1")


def test_a_link_ends_in_two_ways():
    """It stops working, or somebody deletes it."""
    assert isinstance(plan_fact(Evidence("caw1", "link_unavailable", at(5))), AcquisitionLinkUnavailable)
    assert isinstance(plan_fact(Evidence("caw1", "delete_link", at(5))), AcquisitionLinkDeleted)


def test_a_use_says_who_it_was_where_that_is_known():
    """Only the first message names the customer (OUT-4)."""
    told = Evidence("caw1", "customer_start_chat", at(5), "LiNa", "wmOne", "ad_0931")
    assert plan_fact(told) == AcquisitionLinkUsed(
        occurred_at=at(5),
        link_id="caw1",
        step="customer_start_chat",
        add_state="ad_0931",
        userid="LiNa",
        external_userid="wmOne",
    )


def test_evidence_of_another_version_is_left_alone():
    """What this version does not know is no error."""
    assert plan_fact(Evidence("caw1", "from_the_future", at(5))) is None

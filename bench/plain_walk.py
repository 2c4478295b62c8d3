"""The baselines of the full pass: a walk that stores nothing, and the sync one writes in an afternoon.

Both walk sequentially, a hundred associates a call, with `requests`. The second upserts row by row through an ORM,
as most do.
"""

from collections.abc import Iterator
from typing import Any

import requests
from sqlalchemy import BigInteger, Engine, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

PAGE = 100


class Base(DeclarativeBase):
    pass


class PlainContact(Base):
    __tablename__ = "plain_contact"
    external_userid: Mapped[str] = mapped_column(String, primary_key=True)
    name: Mapped[str | None]
    type: Mapped[int | None]
    gender: Mapped[int | None]
    avatar: Mapped[str | None]
    unionid: Mapped[str | None]


class PlainRelation(Base):
    __tablename__ = "plain_relation"
    external_userid: Mapped[str] = mapped_column(String, primary_key=True)
    userid: Mapped[str] = mapped_column(String, primary_key=True)
    remark: Mapped[str | None]
    description: Mapped[str | None]
    createtime: Mapped[int | None] = mapped_column(BigInteger)
    add_way: Mapped[int | None]
    state: Mapped[str | None]
    tags: Mapped[list[str]] = mapped_column(JSONB)


def pages(base_url: str, corp_id: str, secret: str) -> Iterator[list[dict[str, Any]]]:
    """All pages of all associates, one call after the other."""
    with requests.Session() as http:
        http.trust_env = False
        asked = {"corpid": corp_id, "corpsecret": secret}
        token = http.get(f"{base_url}/cgi-bin/gettoken", params=asked, timeout=30).json()["access_token"]
        with_token = {"access_token": token}
        listed = http.get(f"{base_url}/cgi-bin/externalcontact/get_follow_user_list", params=with_token, timeout=30)
        userids = listed.json()["follow_user"]
        for start in range(0, len(userids), PAGE):
            cursor = ""
            while True:
                answer = http.post(
                    f"{base_url}/cgi-bin/externalcontact/batch/get_by_user",
                    params=with_token,
                    json={"userid_list": userids[start : start + PAGE], "cursor": cursor, "limit": PAGE},
                    timeout=30,
                ).json()
                yield answer["external_contact_list"]
                cursor = answer.get("next_cursor")
                if not cursor:
                    break


def walk_only(base_url: str, corp_id: str, secret: str) -> int:
    """The number of relations read."""
    return sum(len(rows) for rows in pages(base_url, corp_id, secret))


def walk_and_store(engine: Engine, base_url: str, corp_id: str, secret: str) -> int:
    """The same, with two rows upserted for each relation and a commit for each page."""
    Base.metadata.create_all(engine)
    count = 0
    with Session(engine) as session:
        for rows in pages(base_url, corp_id, secret):
            for row in rows:
                contact, follow = row["external_contact"], row["follow_info"]
                session.merge(
                    PlainContact(
                        external_userid=contact["external_userid"],
                        **{name: contact.get(name) for name in ("name", "type", "gender", "avatar", "unionid")},
                    )
                )
                session.merge(
                    PlainRelation(
                        external_userid=contact["external_userid"],
                        userid=follow["userid"],
                        tags=follow.get("tag_id") or [],
                        **{n: follow.get(n) for n in ("remark", "description", "createtime", "add_way", "state")},
                    )
                )
            session.commit()
            count += len(rows)
    return count

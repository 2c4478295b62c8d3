"""Files, imports and exports as a retailer's system meets them (CUS-6, CUS-7)."""

from typing import Any

import pytest

from shared.api_keys import Scope
from sync_worker.files.job import work_once
from tests.console.api.conftest import MakeShop, Shop, add_corp

FILE = "姓名,手机号,会员号\r\n王小明,13800138000,C-1\r\n李娜,nobody,C-2\r\n".encode()


def send(shop: Shop, content: bytes, **options: Any) -> Any:
    return shop.ask("POST", "/files", data=content, content_type="application/octet-stream", **options)


def work(shop: Shop) -> None:
    while work_once(shop.runtime):
        pass


def test_from_a_file_to_customers_and_back(shop: Shop):
    """Send, look at the check, start, fetch what failed; export, fetch (CUS-6, CUS-7)."""
    sent = send(shop, FILE, query_string={"name": "会员.csv"})
    assert (sent.status_code, sent.json["format"], sent.json["size"]) == (201, "csv", len(FILE))
    asked = shop.ask("POST", "/imports", {"file_id": sent.json["id"]}, once="k1")
    assert (asked.status_code, asked.json["state"]) == (202, "checking")
    assert shop.ask("POST", "/imports", {"file_id": sent.json["id"]}, once="k1").json["id"] == asked.json["id"]
    where = f"/imports/{asked.json['id']}"
    assert shop.ask("POST", f"{where}/start").status_code == 409
    work(shop)
    check = shop.get(where)["check"]
    assert check["mapping"] == {"姓名": "real_name", "手机号": "phone", "会员号": "crm"}
    assert (check["counts"]["made"], check["problems"][0]["row"]) == (1, 3)
    assert shop.ask("PUT", f"{where}/mapping", {"mapping": {"会员号": "crm", "姓名": "real_name"}}).status_code == 200
    work(shop)
    assert shop.get(where)["check"]["counts"]["made"] == 2
    assert shop.ask("POST", f"{where}/start").json["state"] == "running"
    assert shop.ask("POST", f"{where}/start").status_code == 200
    work(shop)
    done = shop.get(where)
    assert (done["state"], done["counts"]["made"], done["failures_id"]) == ("done", 2, None)
    export = shop.ask(
        "POST", "/exports", {"customers": {"all": True}, "columns": ["crm", "real_name"], "language": "en"}
    )
    work(shop)
    told = shop.get(f"/exports/{export.json['id']}")
    assert (told["state"], told["done"], told["total"]) == ("done", 2, 2)
    content = shop.ask("GET", f"/files/{told['file_id']}/content")
    assert content.data.decode("utf-8-sig") == "crm,name\r\nC-1,王小明\r\nC-2,李娜\r\n"
    assert int(content.headers["Content-Length"]) == len(content.data)
    actions = [one for (one,) in shop.rows("select action from audit order by id")]
    assert actions == [
        "file.uploaded",
        "import.asked",
        "import.mapped",
        "import.started",
        "import.started",
        "export.asked",
    ]


@pytest.mark.parametrize("content", [b"", b"%PDF-1.4", b"a\0b", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"])
def test_what_is_no_table_is_refused_at_once(shop: Shop, content: bytes):
    """And leaves nothing behind (G8)."""
    assert send(shop, content).status_code == 422
    assert shop.rows("select count(*) from file") == [(0,)]


def test_a_file_that_is_too_large_is_refused(make_shop: MakeShop):
    """While it comes; its pieces go (G8)."""
    shop = make_shop(files_max_bytes=3 << 20)
    assert send(shop, b"a,b\n" * (1 << 20)).status_code == 413
    assert shop.rows("select (select count(*) from file), (select count(*) from file_piece)") == [(0, 0)]
    assert send(shop, b"a,b\n" * (3 << 18)).status_code == 201


def test_another_corp_sees_nothing_of_it(shop: Shop):
    """Files and jobs belong to one corp, and to those who may read them (ACC-1)."""
    file_id = send(shop, FILE).json["id"]
    other = shop.caller(tenant=add_corp(shop.runtime.engine, shop.runtime.vault, shop.clock, "ww0000000000000002"))
    assert other.ask("GET", f"/files/{file_id}/content").status_code == 404
    assert other.ask("POST", "/imports", {"file_id": file_id}).status_code == 404
    reader = shop.caller(Scope.CUSTOMERS_READ, name="reader")
    assert reader.ask("GET", "/files").status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        {"customers": {"all": True}, "columns": []},
        {"customers": {"all": True}, "columns": ["id", "id"]},
        {"customers": {"all": True, "customer_ids": [1]}, "columns": ["id"]},
        {"customers": {}, "columns": ["id"]},
        {"customers": {"all": True}, "columns": ["id"], "format": "pdf"},
    ],
)
def test_exports_that_cannot_be_are_refused(shop: Shop, body: dict[str, Any]):
    """With a 4xx that names the field (G8)."""
    assert shop.ask("POST", "/exports", body).status_code == 422


def test_an_unknown_column_is_refused_before_the_export_begins(shop: Shop):
    """The text names it (G8)."""
    body = {"customers": {"all": True}, "columns": ["id", "field:nothing"]}
    assert shop.ask("POST", "/exports", body).status_code == 409
    assert shop.rows("select count(*) from file_job") == [(0,)]


def test_a_file_that_is_still_coming_is_not_given_out(shop: Shop):
    """Nobody gets half of an export (CUS-7)."""
    export = shop.ask("POST", "/exports", {"customers": {"all": True}, "columns": ["id"]})
    assert shop.ask("GET", f"/files/{export.json['file_id']}/content").status_code == 409
    assert shop.ask("POST", f"/exports/{export.json['id']}/cancel").json["state"] == "cancelled"
    work(shop)
    assert shop.ask("GET", f"/files/{export.json['file_id']}/content").status_code == 409

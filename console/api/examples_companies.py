"""Requests about companies, as the document shows them."""

from typing import Any

COMPANY: dict[str, Any] = {
    "name": "晨光商贸有限公司",
    "industry": "批发",
    "size": "50-99",
    "tax_number": "91310000MA1K00000X",
    "address": "上海市静安区南京西路 1 号",
    "contact_name": "王小明",
    "note": "每季度采购一次",
    "attributes": {"credit_days": 30},
    "updated_at": "2026-11-20T10:00:00+08:00",
}
COMPANIES: dict[str, Any] = {
    "companies": [
        {"company_id": "K-1001", "name": "晨光商贸", "updated_at": "2026-11-19T10:00:00+08:00"},
        {"company_id": "K-1002", "name": "Morning Ltd", "updated_at": "2026-11-20T10:00:00+08:00"},
    ]
}
LINKS: dict[str, Any] = {
    "updated_at": "2026-11-20T10:05:00+08:00",
    "link": [{"customer_id": 1, "role": "buyer"}, {"customer": {"kind": "crm", "value": "C-1001"}, "role": "owner"}],
    "unlink": [{"customer": {"kind": "crm", "value": "C-2002"}}],
}

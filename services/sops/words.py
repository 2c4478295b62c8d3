"""The words of steps that are told: content ready to send, with names as they are when it is rendered."""

from collections.abc import Mapping

from sqlalchemy import Connection

from services.sops.saying import attached, said
from services.sops.store import SPEC, read_spec
from shared.db.engine import Row, fetch_all
from shared.tenants import Tenant


def load_words(
    connection: Connection, tenant: Tenant, facts: Mapping[int, Mapping[str, object]]
) -> dict[int, dict[str, str]]:
    """`facts`: payloads of facts about steps, by any number. Of each: rule, content (variables in it), attachments (how
    many of which kind), outlet, stage, shop, chat; the rule as it stands, also a deleted one. People's names are put in
    by whoever knows the reader.
    """
    rows = fetch_all(
        connection,
        "select f.n, r.name, r.spec, c.name as chat, o.name as outlet, t.name as shop, (select string_agg(s.name, '、' "
        "order by s.position) from customer_stage k join stage s on s.tenant_id = k.tenant_id and s.id = k.stage_id "
        "where k.tenant_id = :tenant_id and k.customer_id = f.customer_id) as stage "
        "from unnest(cast(:n as bigint[]), cast(:rules as bigint[]), cast(:customers as bigint[]), "
        "cast(:chats as text[]), cast(:userids as text[])) as f(n, rule_id, customer_id, chat_id, userid) "
        "join tenant t on t.id = :tenant_id "
        "join sop_rule r on r.tenant_id = t.id and r.id = f.rule_id "
        "left join group_chat c on c.tenant_id = t.id and c.chat_id = f.chat_id "
        "left join associate a on a.tenant_id = t.id and a.userid = f.userid "
        "left join outlet o on o.tenant_id = t.id and o.department_id = a.main_department_id",
        tenant_id=tenant.id,
        n=list(facts),
        rules=[one["rule_id"] for one in facts.values()],
        customers=[one["customer_id"] for one in facts.values()],
        chats=[one["chat_id"] for one in facts.values()],
        userids=[one["userid"] for one in facts.values()],
    )
    return {row["n"]: _words(tenant, row, facts[row["n"]]) for row in rows}


def _words(tenant: Tenant, row: Row, fact: Mapping[str, object]) -> dict[str, str]:
    step = read_spec(tenant.cipher.decrypt(row["spec"], SPEC)).step(int(str(fact["step_id"])))
    known = {name: row[name] or "" for name in ("outlet", "stage", "shop", "chat")}
    with_it = attached(step.attachments, tenant.language) if step else ""
    return {"rule": row["name"], "content": step.content if step else "", "attachments": with_it, **known}


def ready(content: str, words: Mapping[str, str], *, customer: str, associate: str) -> str:
    """What the associate sends."""
    return said(content, {**words, "customer": customer, "associate": associate})

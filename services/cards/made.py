"""The one statement that makes cards: what each column is derived from, and which columns are different now."""

COLUMNS = (
    "created_at", "standing", "assigned_userid", "assigned_at", "friend_userids", "seen_by", "tag_ids", "chat_ids",
    "add_ways", "add_states", "stage_ids", "company_ids", "first_added_at", "last_added_at", "last_lost_at",
    "last_deleted_at", "joined_chat_at", "left_chat_at", "last_event_at", "pool_status", "pool_source",
    "pool_userid", "gender", "level", "birthday", "has_phone", "has_email", "blacklisted", "score", "points",
    "purchase_count", "purchase_amount", "last_purchase_at", "fields",
)  # fmt: skip

_MINE = "where {alias}.tenant_id = :tenant_id and {alias}.customer_id = any(:ids)"
_CHANGES = ", ".join(
    f"case when o.customer_id is null or o.{one} is distinct from f.{one} then '{one}' end" for one in COLUMNS
)
_LIST = ", ".join(COLUMNS)

MAKE = f"""
contacts as (select e.customer_id, e.external_userid from external_contact e {_MINE.format(alias="e")}),
relations as (
  select c.customer_id,
    array_agg(distinct r.userid order by r.userid) filter (where r.state = 'active') as friends,
    array_agg(distinct r.userid order by r.userid) filter (
      where r.state in ('active', 'ended_by_customer', 'ended_by_associate', 'out_of_sight')) as seen_by,
    array_agg(distinct r.add_way order by r.add_way)
      filter (where r.state = 'active' and r.add_way is not null) as ways,
    array_agg(distinct r.add_state order by r.add_state)
      filter (where r.state = 'active' and r.add_state <> '') as states,
    min(least(r.started_at, p.first_started_at)) as first_added_at,
    max(greatest(r.started_at, p.last_started_at)) as last_added_at,
    max(greatest(case when r.ended_by = 'ended_by_customer' then r.ended_at end, p.lost_at)) as last_lost_at,
    max(greatest(case when r.ended_by = 'ended_by_associate' then r.ended_at end, p.deleted_at)) as last_deleted_at
  from contacts c join relation r on r.tenant_id = :tenant_id and r.external_userid = c.external_userid
  left join lateral (
    select min(cast(one->>0 as timestamptz)) as first_started_at, max(cast(one->>0 as timestamptz)) as last_started_at,
      max(cast(one->>1 as timestamptz)) filter (where one->>2 = 'ended_by_customer') as lost_at,
      max(cast(one->>1 as timestamptz)) filter (where one->>2 = 'ended_by_associate') as deleted_at
    from jsonb_array_elements(r.past) as one) p on r.past <> '[]'
  group by 1),
tags as (
  select customer_id, array_agg(distinct tag order by tag) as ids from (
    select c.customer_id, unnest(r.corp_tag_ids) as tag from contacts c
    join relation r on r.tenant_id = :tenant_id and r.external_userid = c.external_userid where r.state = 'active'
    union all select t.customer_id, 'local:' || t.tag_id from customer_tag t {_MINE.format(alias="t")}) s
  group by 1),
stays as (
  select c.customer_id, array_agg(distinct m.chat_id order by m.chat_id) filter (where m.left_at is null) as chats,
    max(m.joined_at) as joined_at, max(m.left_at) as left_at
  from contacts c join group_member m on m.tenant_id = :tenant_id and m.member_id = c.external_userid group by 1),
identities as (
  select i.customer_id, bool_or(i.kind = 'phone') as phone, bool_or(i.kind = 'email') as email
  from identity i {_MINE.format(alias="i")} group by 1),
purchases as (
  select p.customer_id, sum(p.purchase_count) as n, max(p.last_purchase_at) as last_at,
    sum(p.amount) filter (where p.currency = (select currency from tenant where id = :tenant_id)) as amount
  from purchase_summary p {_MINE.format(alias="p")} group by 1),
events as (
  select v.customer_id, max(v.occurred_at) as last_at from customer_event v {_MINE.format(alias="v")} group by 1),
stages as (
  select s.customer_id, array_agg(s.stage_id order by s.stage_id) as ids from customer_stage s
  {_MINE.format(alias="s")} group by 1),
companies as (
  select l.customer_id, array_agg(l.company_id order by l.company_id) as ids from company_customer l
  join company c on c.tenant_id = l.tenant_id and c.company_id = l.company_id and c.deleted_at is null
  {_MINE.format(alias="l")} and l.linked_at is not null and l.ended_at is null group by 1),
told as (select * from jsonb_to_recordset(cast(:described as jsonb))
  as d(customer_id bigint, gender text, level text, birthday smallint, fields jsonb)),
fresh as materialized (
  select u.tenant_id, u.id as customer_id, u.created_at, u.standing, u.assigned_userid, u.assigned_at,
    coalesce(r.friends, '{{}}') as friend_userids,
    array(select distinct one from unnest(coalesce(r.seen_by, '{{}}') || u.assigned_userid
      || case when pr.status <> 'added' then pr.userid end) as one where one is not null order by 1) as seen_by,
    coalesce(t.ids, '{{}}') as tag_ids, coalesce(m.chats, '{{}}') as chat_ids, coalesce(r.ways, '{{}}') as add_ways,
    coalesce(r.states, '{{}}') as add_states, coalesce(s.ids, '{{}}') as stage_ids,
    coalesce(o.ids, '{{}}') as company_ids, r.first_added_at, r.last_added_at, r.last_lost_at, r.last_deleted_at,
    m.joined_at as joined_chat_at, m.left_at as left_chat_at,
    v.last_at as last_event_at, pr.status as pool_status, pr.source as pool_source, pr.userid as pool_userid,
    d.gender, d.level, d.birthday, coalesce(i.phone, false) as has_phone, coalesce(i.email, false) as has_email,
    exists (select from blacklist_entry b where b.tenant_id = u.tenant_id and b.customer_id = u.id
      and b.ended_at is null) as blacklisted,
    coalesce(c.score, 0) as score, coalesce(c.points, 0) as points, coalesce(p.n, 0) as purchase_count,
    coalesce(p.amount, 0) as purchase_amount, p.last_at as last_purchase_at, d.fields
  from customer u join told d on d.customer_id = u.id
  left join relations r on r.customer_id = u.id left join tags t on t.customer_id = u.id
  left join stays m on m.customer_id = u.id left join identities i on i.customer_id = u.id
  left join purchases p on p.customer_id = u.id left join events v on v.customer_id = u.id
  left join stages s on s.customer_id = u.id left join companies o on o.customer_id = u.id
  left join pool_record pr on pr.tenant_id = u.tenant_id and pr.customer_id = u.id
  left join customer_score c on c.tenant_id = u.tenant_id and c.customer_id = u.id
  where u.tenant_id = :tenant_id and u.id = any(:ids) and u.merged_into is null)
"""  # noqa: S608 - constants

REFRESH = f"""
with {MAKE},
changed as materialized (
  select f.*, array_remove(array[{_CHANGES}], null) as changes from fresh f
  left join customer_card o on o.tenant_id = f.tenant_id and o.customer_id = f.customer_id),
written as (
  insert into customer_card (tenant_id, customer_id, {_LIST})
  select tenant_id, customer_id, {_LIST} from changed where cardinality(changes) > 0
  on conflict (tenant_id, customer_id) do update set ({_LIST}) = row({", ".join(f"excluded.{one}" for one in COLUMNS)}))
select customer_id, changes from changed where cardinality(changes) > 0
"""  # noqa: S608 - constants

-- A retailer's data, made up: every choice is a hash of a row's number, so that two machines make the same town.
-- name: functions
create schema if not exists town;
create or replace function town.draw(n bigint, what int, most bigint) returns bigint language sql immutable
as 'select mod(hashint8extended(n, what) & 9223372036854775807, most)';
-- A square makes some associates, tags and chats much more common than others: 1 to most.
create or replace function town.skewed(n bigint, what int, most bigint) returns bigint language sql immutable
as 'select 1 + cast(floor(power(town.draw(n, what, 10000) / 10000.0, 2) * most) as bigint)';
create or replace function town.ago(minutes bigint) returns timestamptz language sql immutable
as $$ select timestamptz '2026-11-22 02:00:00+00' - make_interval(mins => cast(minutes as int)) $$;
create or replace function town.named(n bigint) returns text language sql immutable as $$
select substr('王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗', cast(1 + town.draw(n, 1, 20) as int), 1)
  || substr('伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平', cast(1 + town.draw(n, 2, 20) as int), 1)
  || case when town.draw(n, 3, 3) > 0 then substr('刚桂英华玉兰晨曦雨桐梓涵', cast(1 + town.draw(n, 4, 12) as int), 1)
     else '' end $$;

-- name: once
insert into outlet (tenant_id, department_id, name, parent_id, observed_at)
select :t, n, '门店' || n, case when n > 30 then 2 + n % 29 when n > 1 then 1 else 0 end, town.ago(0)
from generate_series(1, :outlets) n;
insert into associate (tenant_id, userid, name, main_department_id, department_ids, observed_at)
select :t, 'sales' || n, town.named(n), 1 + n % :outlets, array[1 + n % :outlets], town.ago(0)
from generate_series(1, :associates) n;
insert into tag (tenant_id, tag_id, group_id, name, shown_at, observed_at, cause)
select :t, 'etTag' || n, 'etGroup', '标签' || n, town.ago(0), town.ago(0), 'event' from generate_series(1, :tags) n;
insert into group_chat (tenant_id, chat_id, name, owner_userid, created_at, member_count, observed_at, cause)
select :t, 'wrChat' || n, '群' || n, 'sales' || (1 + n % :associates), town.ago(town.draw(n, 9, 900000)), 20, town.ago(0),
  'event' from generate_series(1, :chats) n;
insert into goods (tenant_id, goods_id, name, named_at)
select :t, 'SKU-' || n, '商品' || n, town.ago(0) from generate_series(1, :goods) n;
insert into custom_field (tenant_id, key, name, kind, personal, position, created_at) values
  (:t, 'size', '尺码', 'single_choice', false, 1, town.ago(0)), (:t, 'visits', '到店次数', 'number', false, 2, town.ago(0)),
  (:t, 'member_since', '入会日期', 'date', false, 3, town.ago(0));

-- name: block
insert into customer (tenant_id, id, standing, assigned_userid, assigned_at, created_at, updated_at)
select :t, n, case when n % 5 = 0 then 'none' when d = 0 then 'lost' when d = 1 then 'deleted' else 'friend' end,
  case when n % 5 > 0 and d > 1 then 'sales' || town.skewed(n * 8, 30, :associates) end,
  case when n % 5 > 0 and d > 1 then town.ago(town.draw(n, 21, 1000000)) end,
  town.ago(2000000 - n * 2000000 / :size), town.ago(0)
from (select n, town.draw(n, 20, 20) as d from generate_series(cast(:first as bigint), :last) n) s;
insert into external_contact (tenant_id, external_userid, customer_id, name, gender, corp_name, cause)
select :t, 'wmContact' || n, n, town.named(n), town.draw(n, 5, 3),
  case when town.draw(n, 6, 20) = 0 then '公司' || town.draw(n, 7, 5000) end, 'bootstrap'
from generate_series(cast(:first as bigint), :last) n where n % 5 > 0;
insert into relation (tenant_id, external_userid, userid, state, started_at, ended_at, ended_by, corp_tag_ids, add_way,
  add_state, cause)
select distinct on (n, userid) :t, 'wmContact' || n, userid, case when over then ended else 'active' end,
  town.ago(case when over then 500000 + town.draw(m, 21, 1000000) else town.draw(m, 29, 1000000) end),
  case when over then town.ago(town.draw(m, 22, 500000)) end,
  case when over then ended end,
  array(select 'etTag' || town.skewed(m * 16 + t, 31, :tags) from generate_series(1, cast(town.draw(m, 23, 5) as int)) t),
  town.draw(m, 24, 16), case when town.draw(m, 25, 4) = 0 then 'way' || town.draw(m, 26, 300) end, 'bootstrap'
from (
  select n, n * 8 + k as m, 'sales' || town.skewed(n * 8 + k, 30, :associates) as userid,
    town.draw(n, 20, 20) <= 1 or (k > 0 and town.draw(n * 8 + k, 27, 8) = 0) as over,
    case when town.draw(n, 20, 20) = 1 then 'ended_by_associate' else 'ended_by_customer' end as ended
  from generate_series(cast(:first as bigint), :last) n,
    generate_series(0, cast(1 + town.draw(n, 28, 6) as int)) k where n % 5 > 0) s
order by n, userid, m;
insert into group_member (tenant_id, chat_id, member_id, number, kind, joined_at, left_at, observed_at, cause)
select distinct on (n, chat) :t, 'wrChat' || chat, 'wmContact' || n, 1, 'customer', town.ago(town.draw(m, 41, 500000)),
  case when town.draw(m, 42, 5) = 0 then town.ago(town.draw(m, 43, 100000)) end, town.ago(0), 'bootstrap'
from (
  select n, n * 4 + k as m, town.skewed(n * 4 + k, 40, :chats) as chat
  from generate_series(cast(:first as bigint), :last) n, generate_series(1, cast(town.draw(n, 44, 4) as int)) k
  where n % 5 > 0) s
order by n, chat, m;
insert into customer_order (tenant_id, shop, order_id, customer_id, amount, currency, status, items_count, items,
  goods_ids, paid_at, updated_at, recorded_at)
select :t, case when town.draw(m, 50, 3) = 0 then 'douyin' else 'tmall' end, 'o' || m, n, 100 * (1 + town.draw(m, 51, 3000)),
  'CNY', case when town.draw(m, 52, 10) = 0 then 'refunded' else 'completed' end, cardinality(goods),
  (select jsonb_agg(jsonb_build_object('goods_id', g, 'name', '商品' || g, 'quantity', 1, 'amount', 9900)) from unnest(goods) g),
  goods, town.ago(town.draw(m, 53, 1000000)), town.ago(0), town.ago(0)
from (select n, n * 8 + k as m, array(select distinct 'SKU-' || town.skewed((n * 8 + k) * 4 + i, 55, :goods)
    from generate_series(0, cast(town.draw(n * 8 + k, 56, 4) as int)) i) as goods
  from generate_series(cast(:first as bigint), :last) n, generate_series(1, cast(town.draw(n, 54, 7) - 3 as int)) k) s;
insert into purchase_summary
select :t, customer_id, shop, currency, count(*), sum(amount), max(paid_at) from customer_order
where tenant_id = :t and customer_id between :first and :last and status = 'completed' group by 2, 3, 4;
insert into customer_event (tenant_id, event_id, customer_id, kind, occurred_at, recorded_at)
select :t, 'v' || m, n, (array['page_viewed', 'cart_filled', 'coupon_used', 'store_visited'])[1 + town.draw(m, 61, 4)],
  town.ago(town.draw(m, 62, 300000)), town.ago(0)
from (select n, n * 8 + k as m from generate_series(cast(:first as bigint), :last) n,
  generate_series(1, cast(town.draw(n, 63, 6) - 3 as int)) k) s;
insert into pool_record (tenant_id, customer_id, status, source, userid, by_whom, status_at, created_at)
select :t, n, s, (array['import', 'api', 'hand', 'shop:tmall'])[1 + town.draw(n, 71, 4)],
  case when s in ('assigned', 'unreachable') then 'sales' || (1 + town.draw(n, 72, :associates)) end, 'bench', town.ago(0),
  town.ago(0)
from (select n, (array['unassigned', 'unassigned', 'unassigned', 'assigned', 'unreachable'])[1 + town.draw(n, 73, 5)] as s
  from generate_series(cast(:first as bigint), :last) n where n % 5 = 0) p;
insert into customer_score (tenant_id, customer_id, score, points)
select :t, n, town.draw(n, 80, 200), town.draw(n, 81, 5000) from generate_series(cast(:first as bigint), :last) n
where town.draw(n, 82, 2) = 0;
insert into customer_stage (tenant_id, line_id, customer_id, stage_id, entered_at, by_whom)
select :t, 1, n, 1 + town.draw(n, 83, 5), town.ago(0), 'bench' from generate_series(cast(:first as bigint), :last) n
where town.draw(n, 84, 3) > 0;
insert into blacklist_entry (tenant_id, customer_id, reason, added_at, added_by)
select :t, n, 'asked for it', town.ago(0), 'bench' from generate_series(cast(:first as bigint), :last) n
where town.draw(n, 85, 500) = 0;

-- name: due
insert into card_due (tenant_id, customer_id) select :t, n from generate_series(cast(:first as bigint), :last) n

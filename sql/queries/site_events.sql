-- Events of a site, the newest first. $1 site, $2 from, $3 to, $4 miner or null, $5 kinds (array as text) or null,
-- $6 events at most, $7 to $9 time, miner and kind of the last event of the page before, or null.
with page as materialized (
  select miner_id, kind, from_value, to_value, valid_from, valid_to
  from miner_event_spans
  where site_id = $1::int and valid_from >= $2::text::timestamptz and valid_from < $3::text::timestamptz
    and ($4::int is null or miner_id = $4::int)
    and ($5::text is null or kind = any ($5::text::text[]))
    and ($7::text is null or (valid_from <= $7::text::timestamptz
      and (valid_from < $7::text::timestamptz or (miner_id, kind) > ($8::text::int, $9::text))))
  order by valid_from desc, miner_id, kind
  limit $6::int
)
select m.key, p.*, p.valid_from::text as at
from page p join miners m using (miner_id)
order by p.valid_from desc, p.miner_id, p.kind

-- Settles whose the doubtful rows of a batch are. $1 site, $2 the batch statement's `claims` (JSON text).
select headframe_settle_identities($1::int, array(
  select row(r.key, r.time, r.mac, r.serial, r.model, r.is_claim)::headframe_sighting
  from json_to_recordset($2::text::json) as r (
    key text, "time" timestamptz, mac text, serial text, model text, is_claim boolean)
)) as made

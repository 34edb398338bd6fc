-- One row per batch: audit trail, ledger against batches sent twice, and what rollups must look at again.
create table collector_upload_logs (
  batch_id uuid not null,
  received_at timestamptz not null,
  min_time timestamptz,
  max_time timestamptz,
  wire_bytes int8 not null,
  site_id int not null,
  key_id int not null,
  rows int not null,
  stored int not null,
  duplicate int not null,
  rejected int not null,
  online int not null,
  processing_ms real not null,
  primary key (site_id, batch_id)
);
create index collector_upload_logs_by_arrival on collector_upload_logs (site_id, received_at);

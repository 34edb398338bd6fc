-- Leases that ended with their process: times a notice was taken that count as no round of telling.
alter table notification_outbox add column lapsed int not null default 0;

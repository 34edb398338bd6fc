-- A bucket that a run has claimed keeps its turn beside its lease: one that fails again and again shows since when it
-- waits.
alter table rollup_due add column leased_until timestamptz;

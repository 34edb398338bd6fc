import { describe, expect, test } from 'vitest';
import { nativeCompressionStatements, nativeRetentionStatements } from '../../src/storage/edition.js';

const plain = (text: string): string => text.replaceAll(/\s+/g, ' ');

describe('on the Community edition', () => {
  test('retention is the policy of the server, replaced when its length changed', () => {
    expect(nativeRetentionStatements('miner_events', 86_400).map(plain)).toEqual([
      "select remove_retention_policy('miner_events', if_exists => true) where not exists (select from " +
        "timescaledb_information.jobs where proc_name = 'policy_retention' and hypertable_name = 'miner_events' and " +
        "(config->>'drop_after')::interval = interval '86400 seconds')",
      "select add_retention_policy('miner_events', interval '86400 seconds', if_not_exists => true)",
    ]);
  });

  test('the history is compressed by miner once no sample can be on its way', () => {
    const [enable, ...policy] = nativeCompressionStatements().map(plain);
    expect(enable).toContain(
      'if not exists (select from timescaledb_information.hypertable_columnstore_settings where hypertable = ' +
        "'miner_telemetry_history'::regclass and segmentby = 'miner_id') then",
    );
    expect(enable).toContain(
      "alter table miner_telemetry_history set (timescaledb.compress, timescaledb.compress_segmentby = 'miner_id', " +
        "timescaledb.compress_orderby = 'time')",
    );
    expect(policy).toEqual([
      "select remove_compression_policy('miner_telemetry_history', if_exists => true) where not exists (select from " +
        "timescaledb_information.jobs where proc_name = 'policy_compression' and hypertable_name = " +
        "'miner_telemetry_history' and (config->>'compress_after')::interval = interval '345600 seconds')",
      "select add_compression_policy('miner_telemetry_history', interval '345600 seconds', if_not_exists => true)",
    ]);
  });
});

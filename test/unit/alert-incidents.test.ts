import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { groupAlerts, type LooseAlert, type OpenIncident } from '../../src/alerts/incidents.js';
import { isInScope, isSilenced, subnetOf } from '../../src/alerts/scope.js';

const options = { minAlerts: 5, minSubnets: 3 };
const pool = 'stratum+tcp://pool.example:3333';
const alert = (alertId: number, changes: Partial<LooseAlert> = {}): LooseAlert => ({
  alertId,
  siteId: 1,
  siteName: 'north',
  kind: 'offline',
  severity: 'warning',
  subnet: '10.0.1.0/24',
  rack: null,
  pool,
  ...changes,
});
const many = (count: number, changes: Partial<LooseAlert> = {}, from = 1): LooseAlert[] =>
  Array.from({ length: count }, (_, index) => alert(from + index, changes));

describe('incidents', () => {
  it('are enough alerts of one kind in one subnet', () => {
    expect(groupAlerts(many(4), [], options)).toEqual({ joins: [], incidents: [] });
    const { incidents } = groupAlerts([...many(6), alert(7, { kind: 'fan_failure' })], [], options);
    expect(incidents).toMatchObject([
      { siteId: 1, kind: 'offline', scope: 'subnet', place: '10.0.1.0/24', alertIds: [1, 2, 3, 4, 5, 6] },
    ]);
  });

  it('are of the pool when it is what they share', () => {
    const dead = [1, 2, 3, 4, 5].map((id) => alert(id, { kind: 'pool_dead', subnet: `10.0.${id}.0/24` }));
    expect(groupAlerts(dead, [], options).incidents).toMatchObject([{ scope: 'pool', place: pool }]);
    // Offline miners share a pool by chance.
    const offline = dead.map((it) => ({ ...it, kind: 'offline' as const }));
    expect(groupAlerts(offline, [], options).incidents).toEqual([]);
  });

  it('are one of the site when many subnets fail alike, its own alert with them', () => {
    const all = [1, 2, 3].flatMap((net) => many(5, { subnet: `10.0.${net}.0/24` }, net * 10));
    const own = alert(99, { kind: 'mass_offline', severity: 'critical', subnet: null, pool: null });
    const { incidents } = groupAlerts([...all, own, alert(100, { subnet: '10.9.9.0/24' })], [], options);
    expect(incidents).toMatchObject([{ scope: 'site', kind: 'offline', severity: 'critical' }]);
    expect(incidents[0]?.alertIds).toHaveLength(17);
  });

  it('are of the rack before its subnet, and leave its neighbours out', () => {
    const loose = [...many(5, { rack: 'A1' }), ...many(4, { rack: 'A2' }, 10), alert(20)];
    expect(groupAlerts(loose, [], options).incidents).toMatchObject([
      { scope: 'rack', place: 'A1', alertIds: [1, 2, 3, 4, 5] },
      { scope: 'subnet', place: '10.0.1.0/24', alertIds: [10, 11, 12, 13, 20] },
    ]);
    // A rack may be wired to several networks.
    const wired = [1, 2, 3, 4, 5].map((id) => alert(id, { rack: 'A1', subnet: `10.0.${id}.0/24` }));
    expect(groupAlerts(wired, [], options).incidents).toMatchObject([{ scope: 'rack', place: 'A1' }]);
  });

  it('are of the subnet when several of its racks fail at once, and of a pool before a rack', () => {
    const racks = [...many(5, { rack: 'A1' }), ...many(5, { rack: 'A2' }, 10), alert(20)];
    const { incidents } = groupAlerts(racks, [], options);
    expect(incidents).toMatchObject([{ scope: 'subnet', place: '10.0.1.0/24' }]);
    expect(incidents[0]?.alertIds).toHaveLength(11);
    const dead = many(5, { kind: 'pool_dead', rack: 'A1' });
    expect(groupAlerts(dead, [], options).incidents).toMatchObject([{ scope: 'pool', place: pool }]);
  });

  it('of racks count for the site by the subnets they are of, each once', () => {
    const rack = (place: string, subnet: string): OpenIncident => ({
      incidentId: Number(place),
      siteId: 1,
      kind: 'offline',
      scope: 'rack',
      place,
      subnet,
    });
    const fresh = many(5, { subnet: '10.0.3.0/24', rack: '9' });
    const near = [rack('1', '10.0.1.0/24'), rack('2', '10.0.1.0/24')];
    expect(groupAlerts(fresh, near, options).incidents).toMatchObject([{ scope: 'rack', place: '9' }]);
    const wide = [...near, rack('3', '10.0.2.0/24')];
    expect(groupAlerts(fresh, wide, options).incidents).toMatchObject([{ scope: 'site' }]);
    const late = alert(30, { subnet: '10.0.1.0/24', rack: '2' });
    expect(groupAlerts([late], near, options).joins).toEqual([{ alertId: 30, incidentId: 2 }]);
  });

  it('take later alerts of their place in, and no others', () => {
    const open: OpenIncident = {
      incidentId: 3,
      siteId: 1,
      kind: 'offline',
      scope: 'subnet',
      place: '10.0.1.0/24',
      subnet: '10.0.1.0/24',
    };
    const loose = [alert(1), alert(2, { subnet: '10.0.2.0/24' }), alert(3, { siteId: 2 })];
    expect(groupAlerts(loose, [open], options)).toEqual({
      joins: [{ alertId: 1, incidentId: 3 }],
      incidents: [],
    });
  });

  it('hold each alert at most once, and only alerts of their kind and site', () => {
    const anyAlert = fc.record({
      siteId: fc.integer({ min: 1, max: 2 }),
      kind: fc.constantFrom<LooseAlert['kind']>('offline', 'pool_dead', 'hashrate_low', 'mass_offline'),
      subnet: fc.option(fc.constantFrom('10.0.1.0/24', '10.0.2.0/24', '10.0.3.0/24', '10.0.4.0/24')),
      rack: fc.option(fc.constantFrom('A1', 'A2')),
      pool: fc.option(fc.constantFrom('a', 'b')),
    });
    fc.assert(
      fc.property(fc.array(anyAlert, { maxLength: 80 }), (specs) => {
        const loose = specs.map((spec, index) => alert(index, spec));
        const { joins, incidents } = groupAlerts(loose, [], options);
        expect(joins).toEqual([]);
        const held = incidents.flatMap((incident) => incident.alertIds);
        expect(new Set(held).size).toBe(held.length);
        for (const incident of incidents) {
          expect(incident.alertIds.length).toBeGreaterThanOrEqual(options.minAlerts);
          for (const id of incident.alertIds) {
            expect(loose[id]?.siteId).toBe(incident.siteId);
            const kinds = incident.kind === 'offline' ? ['offline', 'mass_offline'] : [incident.kind];
            expect(kinds).toContain(loose[id]?.kind);
          }
        }
        const places = incidents.map(({ siteId, kind, scope, place }) => [siteId, kind, scope, place].join());
        expect(new Set(places).size).toBe(places.length);
      }),
    );
  });
});

describe('a scope', () => {
  const target = { siteId: 1, minerKey: 'm1', model: 'Antminer S19j Pro', ip: '10.1.2.3' };
  const all = { site_id: null, model: null, subnet: null, miner: null };

  it('holds what each of its parts holds', () => {
    expect(isInScope(all, target)).toBe(true);
    expect(isInScope({ ...all, model: 's19', subnet: '10.1.0.0/16', miner: 'm1', site_id: 1 }, target)).toBe(
      true,
    );
    expect(isInScope({ ...all, subnet: '10.1.3.0/24' }, target)).toBe(false);
    expect(isInScope({ ...all, subnet: '0.0.0.0/0' }, target)).toBe(true);
    expect(isInScope({ ...all, model: 'S21' }, target)).toBe(false);
    expect(isInScope({ ...all, site_id: 2 }, target)).toBe(false);
  });

  it('that names miners leaves the site itself out', () => {
    const site = { siteId: 1, minerKey: null, model: null, ip: null };
    expect(isInScope(all, site)).toBe(true);
    expect(isInScope({ ...all, subnet: '0.0.0.0/0' }, site)).toBe(false);
  });

  it('silences from its beginning to its end', () => {
    const startsMs = Date.UTC(2026, 0, 1);
    const window = {
      ...all,
      window_id: 1,
      starts_at: new Date(startsMs).toISOString(),
      ends_at: new Date(startsMs + 1_000).toISOString(),
      reason: 'fans',
    };
    const at = (ms: number): boolean => isSilenced([window], target, startsMs + ms);
    expect([at(-1), at(0), at(999), at(1_000)]).toEqual([false, true, true, false]);
  });

  it('knows the subnet of an IPv4 address alone', () => {
    expect(subnetOf('10.1.2.3')).toBe('10.1.2.0/24');
    expect(['fe80::1', 'miner', '', null].map(subnetOf)).toEqual([null, null, null, null]);
  });
});

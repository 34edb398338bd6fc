import type { Dialect } from './model.js';
import type { PoolState, SimulatedMiner } from './miner.js';
import type { PageAnswer, PageRequest } from './web-server.js';

/** Firmware whose page takes JSON and has a level and modes. */
const jsonDialects: ReadonlySet<Dialect> = new Set<Dialect>([
  'antminer-s19',
  'antminer-new-api',
  'antminer-fdminer',
]);
/** Firmware whose page takes a form; of these T15's has a work mode. */
const formDialects: ReadonlySet<Dialect> = new Set<Dialect>([
  'antminer-s7',
  'antminer-s9',
  'antminer-t15',
  'antminer-l3',
  'antminer-hiveon',
]);

/** True for machines that answer on the web port. */
export const hasAntminerPages = ({ model }: SimulatedMiner): boolean =>
  jsonDialects.has(model.dialect) || formDialects.has(model.dialect);

const ok = (body: string): PageAnswer => ({ status: 200, body, isWrite: true });
const bad = (code: string, msg: string): PageAnswer => ({
  status: 200,
  body: JSON.stringify({ stats: 'error', code, msg }),
  isWrite: true,
});

/** Bitmain's CGI pages: the configuration read and written whole, reboot, restart. */
export function antminerPage(miner: SimulatedMiner, request: PageRequest, nowMs: number): PageAnswer {
  const isJson = jsonDialects.has(miner.model.dialect);
  switch (request.path.split('?')[0]) {
    case '/cgi-bin/get_miner_conf.cgi':
      return { status: 200, body: JSON.stringify(configOf(miner), null, 1) };
    case '/cgi-bin/get_system_info.cgi':
      return { status: 200, body: JSON.stringify({ minertype: miner.model.type, nettype: 'DHCP' }) };
    case '/cgi-bin/set_miner_conf.cgi':
      if (request.method !== 'POST') return { status: 405, body: '' };
      if (miner.fault?.kind === 'write_denied') return bad('M001', 'write refused');
      return isJson ? setJson(miner, request.body, nowMs) : setForm(miner, request.body, nowMs);
    case '/cgi-bin/reboot.cgi':
      note(miner, request.path, '');
      miner.reboot(nowMs);
      return { status: 'closed', isWrite: true };
    case '/cgi-bin/reboot_cgminer.cgi':
      if (isJson) return { status: 404, body: 'Not Found' };
      note(miner, request.path, '');
      miner.restart(nowMs);
      return ok('');
    default:
      return { status: 404, body: 'Not Found' };
  }
}

function note(miner: SimulatedMiner, command: string, parameters: string): void {
  miner.noteWrite({ via: 'web', command, parameters });
}

/** What the page shows: the state, and whatever else was last written. */
function configOf(miner: SimulatedMiner): Record<string, unknown> {
  const isJson = jsonDialects.has(miner.model.dialect);
  const hasMode = isJson || miner.model.dialect === 'antminer-t15';
  const mode = miner.isAsleep ? (isJson ? '1' : '254') : '0';
  const level = Math.round((miner.frequencyMhz / miner.model.frequencyMhz) * 100);
  return {
    'api-listen': true,
    'api-network': true,
    'api-groups': 'A:stats:pools:devs:summary:version',
    'api-allow': 'A:0/0,W:*',
    'bitmain-use-vil': true,
    ...(isJson ? { 'bitmain-ccdelay': '0', 'bitmain-pwth': '0' } : {}),
    ...miner.webConfig,
    pools: miner.ownPools().map(({ url, user }) => ({ url, user, pass: 'x' })),
    'bitmain-fan-ctrl': miner.fanPct !== null,
    'bitmain-fan-pwm': String(miner.fanPct ?? 100),
    'bitmain-freq': String(miner.frequencyMhz),
    ...(hasMode ? { 'bitmain-work-mode': mode } : {}),
    ...(isJson ? { 'bitmain-freq-level': String(level) } : {}),
  };
}

/** Keys the device would lose for good if they were not written back. */
const neededKeys = ['api-allow', 'api-groups', 'bitmain-use-vil', 'bitmain-ccdelay'];

function setJson(miner: SimulatedMiner, body: string, nowMs: number): PageAnswer {
  let given: Record<string, unknown>;
  try {
    given = JSON.parse(body) as Record<string, unknown>;
  } catch {
    return bad('M003', 'illegal request');
  }
  const pools = readPools(Array.isArray(given['pools']) ? given['pools'] : []);
  if (pools.length === 0) return bad('M002', 'no pools');
  const lost = neededKeys.filter((key) => !Object.hasOwn(given, key));
  miner.webConfig = Object.fromEntries(
    Object.entries(given).filter(([key]) => key !== 'pools' && !stateKeys.has(key)),
  );
  // Firmware differs in the key it heeds: asleep only when both say so, in the type it writes them.
  const modes = [given['miner-mode'], given['bitmain-work-mode']];
  const level = Number(given['freq-level'] ?? given['bitmain-freq-level'] ?? 100);
  apply(miner, {
    pools,
    isAsleep: modes.every((mode) => Number(mode) === 1),
    fanPct: given['bitmain-fan-ctrl'] === true ? Number(given['bitmain-fan-pwm']) : null,
    frequencyMhz: Math.round((miner.model.frequencyMhz * level) / 100),
    nowMs,
  });
  note(miner, '/cgi-bin/set_miner_conf.cgi', withoutPasswords(given, lost));
  return ok(JSON.stringify({ stats: 'success', code: 'M000', msg: 'OK!' }));
}

const stateKeys: ReadonlySet<string> = new Set([
  'miner-mode',
  'bitmain-work-mode',
  'freq-level',
  'bitmain-freq-level',
  'bitmain-freq',
  'bitmain-fan-ctrl',
  'bitmain-fan-pwm',
]);

/** As the script of S9 reads it: by place, whatever the names say. */
function setForm(miner: SimulatedMiner, body: string, nowMs: number): PageAnswer {
  const fields = body.split('&').map((pair) => {
    const at = pair.indexOf('=');
    return [pair.slice(0, at), decodeURIComponent(pair.slice(at + 1).replaceAll('+', ' '))] as const;
  });
  if (fields.length < 14) return { status: 200, body: 'error', isWrite: true };
  const at = (index: number): string => fields[index]?.[1] ?? '';
  const pools = readPools([0, 3, 6].map((from) => ({ url: at(from), user: at(from + 1) })));
  if (pools.length === 0) return { status: 200, body: 'error', isWrite: true };
  const mode = fields.find(([name]) => name === '_ant_work_mode')?.[1];
  apply(miner, {
    pools,
    isAsleep: mode === '254',
    fanPct: at(11) === 'true' ? Number(at(12)) : null,
    frequencyMhz: Number(at(13)) || miner.frequencyMhz,
    nowMs,
  });
  const shown = fields.filter(([name]) => !name.endsWith('pw'));
  note(miner, '/cgi-bin/set_miner_conf.cgi', JSON.stringify(Object.fromEntries(shown)));
  return ok(miner.model.dialect === 'antminer-hiveon' ? 'ok\nok\n' : 'ok');
}

function readPools(given: readonly unknown[]): PoolState[] {
  return given.flatMap((each, index) => {
    const { url, user } = (each ?? {}) as { url?: unknown; user?: unknown };
    return typeof url === 'string' && url !== '' && typeof user === 'string'
      ? [{ url, user, isEnabled: true, isAlive: index < 2, accepted: 0 }]
      : [];
  });
}

interface Settings {
  readonly pools: PoolState[];
  readonly isAsleep: boolean;
  readonly fanPct: number | null;
  readonly frequencyMhz: number;
  readonly nowMs: number;
}

/** Whatever was written, the mining starts anew. */
function apply(miner: SimulatedMiner, { pools, isAsleep, fanPct, frequencyMhz, nowMs }: Settings): void {
  miner.pools = pools;
  miner.activePool = 0;
  miner.fanPct = fanPct;
  miner.frequencyMhz = frequencyMhz;
  if (isAsleep) miner.sleep(nowMs);
  else miner.restart(nowMs);
}

function withoutPasswords(given: Record<string, unknown>, lost: readonly string[]): string {
  const pools = (given['pools'] as Record<string, unknown>[]).map(({ url, user }) => ({ url, user }));
  return JSON.stringify({ ...given, pools, ...(lost.length === 0 ? {} : { lost }) });
}

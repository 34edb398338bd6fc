/** Which set of replies a machine speaks; those of Bitmain's layout begin with `antminer`. */
export type Dialect =
  | 'antminer-s7'
  | 'antminer-s9'
  | 'antminer-t15'
  | 'antminer-l3'
  | 'antminer-s19'
  | 'antminer-new-api'
  | 'antminer-hiveon'
  | 'antminer-asicseer'
  | 'antminer-rwglr'
  | 'antminer-mskminer'
  | 'antminer-fdminer'
  | 'antminer-vnish'
  | 'antminer-bos'
  | 'antminer-luxos'
  | 'antminer-blackminer'
  | 'antminer-hammer'
  | 'bosminer'
  | 'boser'
  | 'whatsminer'
  | 'whatsminer-v1'
  | 'avalon'
  | 'avalon-modules'
  | 'avalon-home'
  | 'cgminer'
  | 'innosilicon'
  | 'baikal'
  | 'strongu'
  | 'cheetah'
  | 'honorknight'
  | 'ibelink'
  | 'spondoolies'
  | 'sealminer'
  | 'auradine'
  | 'elphapex';

/** What is fixed about a kind of machine. */
export interface Model {
  readonly dialect: Dialect;
  /** How the machine names itself in its replies. */
  readonly type: string;
  readonly firmware: string;
  /** `CompileTime` of an Antminer, API version of a Whatsminer, driver of a plain cgminer. */
  readonly build: string;
  /** `Description` of its STATUS. */
  readonly description: string;
  readonly boards: number;
  readonly chipsPerBoard: number;
  /** Hashrate of a healthy machine at its standard frequency, GH/s. */
  readonly nominalGhs: number;
  /** Wall power at nominal, W. */
  readonly nominalW: number;
  readonly frequencyMhz: number;
  readonly fans: number;
  /** Fan speed at 100 %, rpm. */
  readonly maxRpm: number;
}

/** Puts a kind of machine together. */
export const model = (
  dialect: Dialect,
  identity: readonly [type: string, firmware: string, build: string, description: string],
  boards: readonly [boards: number, chipsPerBoard: number, frequencyMhz: number],
  nominal: readonly [ghs: number, watts: number],
  fans: readonly [count: number, maxRpm: number],
): Model => ({
  dialect,
  type: identity[0],
  firmware: identity[1],
  build: identity[2],
  description: identity[3],
  boards: boards[0],
  chipsPerBoard: boards[1],
  frequencyMhz: boards[2],
  nominalGhs: nominal[0],
  nominalW: nominal[1],
  fans: fans[0],
  maxRpm: fans[1],
});

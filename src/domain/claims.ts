import type { Role } from './principal.js';

/** What a provider says of a person: the claims of an ID token. */
export type Claims = Readonly<Record<string, unknown>>;

/** Which value of the role claim gives what. */
export interface RoleMapping {
  readonly value: string;
  readonly role: Role;
  /** Names of sites; null: all. */
  readonly siteNames: readonly string[] | null;
}

/** How claims become rights. */
export interface ClaimRules {
  readonly nameClaim: string;
  readonly roleClaim: string;
  /** The first that a person has decides. */
  readonly roles: readonly RoleMapping[];
  /** On all sites, of who has none of them; null: refused. */
  readonly defaultRole: Role | null;
}

/** A person, as their provider knows them. */
export interface Subject {
  /** Issuer and subject: never given to another person, as names are. */
  readonly subject: string;
  readonly name: string;
}

/** The role and sites that claims give; null: none. */
export function rightsOfClaims(claims: Claims, rules: ClaimRules): Omit<RoleMapping, 'value'> | null {
  const values = new Set(textsOf(claimAt(claims, rules.roleClaim)));
  const found = rules.roles.find(({ value }) => values.has(value));
  if (found !== undefined) return { role: found.role, siteNames: found.siteNames };
  return rules.defaultRole === null ? null : { role: rules.defaultRole, siteNames: null };
}

const maxSubject = 255;
const maxName = 64;

/** Who they are; null where the claims do not say, or in a way that cannot be kept. */
export function subjectOfClaims(claims: Claims, { nameClaim }: ClaimRules): Subject | null {
  const { iss, sub } = claims;
  if (typeof iss !== 'string' || typeof sub !== 'string' || sub === '') return null;
  // OpenID Connect Core, section 2: at most 255 ASCII characters.
  if (sub.length > maxSubject || /\p{Cc}/u.test(sub)) return null;
  const named = claimAt(claims, nameClaim);
  const name = cleanName(typeof named === 'string' ? named : '') || cleanName(sub);
  return name === '' ? null : { subject: `${iss} ${sub}`, name };
}

/** Shown in lists and logs. */
const cleanName = (text: string): string =>
  [...text.replace(/[\p{Cc}\p{Cs}]/gu, '').trim()].slice(0, maxName).join('').trim();

/** Whole name first: claims may have dots of their own, as those that are URLs. */
function claimAt(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let node: unknown = claims;
  for (const key of name.split('.')) {
    if (typeof node !== 'object' || node === null || !Object.hasOwn(node, key)) return undefined;
    node = (node as Claims)[key];
  }
  return node;
}

const textsOf = (value: unknown): string[] =>
  (Array.isArray(value) ? (value as unknown[]) : [value]).filter((it) => typeof it === 'string');

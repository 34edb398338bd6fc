/** What a person or a script may do; each includes those before it. */
export const roles = ['viewer', 'operator', 'admin'] as const;

export type Role = (typeof roles)[number];

/** Who asks: a user with a session, an API token, or a program on this machine. */
export interface Principal {
  readonly kind: 'user' | 'token' | 'local';
  /** As the audit log names it: the user's name, `token:<label>`, `local`. */
  readonly name: string;
  /** The user, or the user a token belongs to; null for `local`. */
  readonly userId: number | null;
  readonly role: Role;
  /** Sites it may see and touch; null: all. */
  readonly siteIds: ReadonlySet<number> | null;
}

/** True when `role` may do what `needed` may. */
export const includesRole = (role: Role, needed: Role): boolean =>
  roles.indexOf(role) >= roles.indexOf(needed);

/** True when the principal may see a site. */
export const maySee = ({ siteIds }: Principal, siteId: number): boolean =>
  siteIds === null || siteIds.has(siteId);

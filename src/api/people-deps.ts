import type { SessionLimits, SessionOwner } from '../storage/sessions.repo.js';
import type { SubjectOutcome } from '../storage/subjects.repo.js';
import type { TokenRights } from '../storage/tokens.repo.js';
import type { ListedKey, CreatedKey } from '../storage/keys.repo.js';
import type { Subject } from '../domain/claims.js';
import type { Role } from '../domain/principal.js';
import type {
  ApiToken,
  AuditEntry,
  AuditQuery,
  AuditRow,
  Author,
  ChangeNote,
  Rights,
  User,
} from '../domain/people.js';

/** What people, their sessions and tokens need of the outside; what does not exist is null or false. */
export interface PeopleDeps {
  readonly users: {
    list(): Promise<readonly User[]>;
    find(userId: number): Promise<User | null>;
    findByName(name: string): Promise<(User & { readonly passwordHash: string | null }) | null>;
    create(name: string, rights: Rights, passwordHash: string | null, note: ChangeNote): Promise<User>;
    update(userId: number, rights: Rights, isDisabled: boolean, note: ChangeNote): Promise<User | null>;
    setPassword(userId: number, passwordHash: string, note: ChangeNote): Promise<boolean>;
  };
  readonly subjects: {
    signIn(
      person: Subject,
      role: Role,
      siteNames: readonly string[] | null,
      by: Pick<Author, 'address' | 'request_id'>,
    ): Promise<SubjectOutcome>;
  };
  readonly sessions: {
    begin(
      sha256: Buffer,
      session: { readonly userId: number; readonly address: string | null; readonly replaced: Buffer | null },
      limits: SessionLimits,
      now: Date,
    ): Promise<void>;
    find(sha256: Buffer, limits: SessionLimits, now: Date): Promise<SessionOwner | null>;
    touch(sha256: Buffer, now: Date): Promise<void>;
    end(sha256: Buffer): Promise<boolean>;
  };
  readonly tokens: {
    create(
      userId: number,
      label: string,
      rights: Rights,
      expiresAt: Date,
      note: ChangeNote,
    ): Promise<{ readonly token: string; readonly made: ApiToken }>;
    find(sha256: Buffer, now: Date): Promise<TokenRights | null>;
    touch(tokenId: number, now: Date): Promise<void>;
    list(userId: number | null): Promise<readonly ApiToken[]>;
    findById(tokenId: number): Promise<ApiToken | null>;
    revoke(tokenId: number, note: ChangeNote): Promise<boolean>;
  };
  readonly keys: {
    list(siteIds: readonly number[] | null): Promise<readonly ListedKey[]>;
    create(siteId: number, label: string | null, note: ChangeNote): Promise<CreatedKey>;
    revoke(keyId: number, note: ChangeNote): Promise<boolean>;
  };
  readonly audit: {
    append(entry: AuditEntry): Promise<void>;
    page(query: AuditQuery): Promise<readonly AuditRow[]>;
  };
  readonly passwords: {
    hash(password: string): Promise<string>;
    /** False for a hash that is null too, after the same work. */
    verify(password: string, hash: string | null): Promise<boolean>;
  };
}

import { useEffect, useState } from 'preact/hooks';
import { includesRole, type Role } from '../../../src/domain/principal.js';

/** Who looks at the page, in the api's words. */
export interface Me {
  readonly kind: 'user' | 'token' | 'local';
  readonly name: string;
  readonly role: Role;
}

/** Whether someone may tell miners what to do; the api holds it besides. */
export const mayCommand = ({ role }: Me): boolean => includesRole(role, 'operator');

/** `unknown` until the api has answered; null: nobody. */
export type Session = Me | null | 'unknown';

const DEADLINE_MS = 15_000;
const changed = new EventTarget();

/** Tells the page that a request was refused because nobody is signed in. */
export function noteSignedOut(): void {
  changed.dispatchEvent(new Event('signed-out'));
}

async function send(method: string, path: string, body?: object): Promise<Response> {
  return fetch(`/api/auth/${path}`, {
    method,
    headers: { accept: 'application/json', ...(body && { 'content-type': 'application/json' }) },
    signal: AbortSignal.timeout(DEADLINE_MS),
    ...(body && { body: JSON.stringify(body) }),
  });
}

/** Signs in. Throws with a sentence that can be shown. */
export async function signIn(name: string, password: string): Promise<Me> {
  const answer = await send('POST', 'login', { name, password }).catch((cause: unknown) => {
    throw new Error('The api cannot be reached.', { cause });
  });
  const body = (await answer.json().catch(() => null)) as { data?: Me; error?: string } | null;
  if (answer.ok && body?.data) return body.data;
  const wait = Number(answer.headers.get('retry-after'));
  if (answer.status === 429 && wait > 0)
    throw new Error(`Too many attempts. Try again in ${Math.ceil(wait / 60)} min.`);
  throw new Error(body?.error ?? `The api answered with an error (HTTP ${answer.status}).`);
}

/** What the api sends a browser back with, in words. */
const refusals: Readonly<Record<string, string>> = {
  LOGIN_FAILED:
    'You were not signed in: what the provider answered does not hold, it took too long, or your user is disabled here. Try again; an admin finds the reason in the audit log.',
  FORBIDDEN: 'The provider knows you, but gives you no role here. Ask who manages Headframe.',
  PROVIDER_UNAVAILABLE:
    'The OpenID Connect provider does not answer as it should. Try again, or use a password.',
  RATE_LIMITED: 'Too many attempts. Try again in a few minutes.',
  CONFLICT: 'There are too many users. Ask who manages Headframe.',
};

/** Why signing in elsewhere came to nothing, from the address, which then forgets it; null: it did not. */
export function refusal(): string | null {
  const code = new URLSearchParams(location.hash.replace(/^#/, '')).get('refused');
  if (code === null) return null;
  history.replaceState(null, '', location.pathname);
  return refusals[code] ?? 'You were not signed in. Try again; an admin finds the reason in the log.';
}

/** Whether one may sign in through an OpenID Connect provider; false where the api does not say. */
export async function offersOidc(): Promise<boolean> {
  try {
    const answer = await send('GET', 'methods');
    const { data } = (await answer.json()) as { data?: { oidc?: boolean } };
    return answer.ok && data?.oidc === true;
  } catch {
    return false;
  }
}

/** Who is signed in, and what changes it. */
export function useSession(): {
  readonly session: Session;
  readonly enter: (me: Me) => void;
  readonly leave: () => Promise<void>;
  /** Shows the form, to sign in as someone else. */
  readonly ask: () => void;
} {
  const [session, setSession] = useState<Session>('unknown');
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async (): Promise<void> => {
      try {
        const answer = await send('GET', 'me');
        if (answer.status === 401) return setSession(null);
        const { data } = (await answer.json()) as { data?: Me };
        if (answer.ok && data) return setSession(data);
      } catch {
        // Asked again below.
      }
      timer = setTimeout(() => void look(), 3000);
    };
    void look();
    const onSignedOut = (): void => setSession(null);
    changed.addEventListener('signed-out', onSignedOut);
    return () => {
      clearTimeout(timer);
      changed.removeEventListener('signed-out', onSignedOut);
    };
  }, []);
  return {
    session,
    enter: setSession,
    ask: () => setSession(null),
    leave: async () => {
      await send('POST', 'logout', {}).catch(() => undefined);
      setSession(null);
    },
  };
}

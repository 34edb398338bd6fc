import { useEffect, useState } from 'preact/hooks';
import { offersOidc, refusal, signIn } from './session.js';
import type { Me } from './session.js';

/** The form to sign in with. */
export function Login({ enter }: { readonly enter: (me: Me) => void }) {
  const [error, setError] = useState<string | null>(refusal);
  const [isBusy, setBusy] = useState(false);
  const [hasOidc, setHasOidc] = useState(false);
  useEffect(() => void offersOidc().then(setHasOidc), []);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    setError(null);
    try {
      enter(await signIn(String(fields.get('name')), String(fields.get('password'))));
    } catch (cause) {
      setError((cause as Error).message);
    } finally {
      setBusy(false);
    }
  };
  return (
    <main class="login">
      <form onSubmit={(event) => void submit(event)} data-testid="login">
        <div class="login-brand">
          <img src="/favicon.svg" alt="" width="40" height="40" />
          <h1>Headframe</h1>
        </div>
        <label>
          Name
          <input
            id="login-name"
            name="name"
            autocomplete="username"
            autocapitalize="none"
            spellcheck={false}
            maxLength={64}
            required
            autofocus
          />
        </label>
        <label>
          Password
          <input
            id="login-password"
            name="password"
            type="password"
            autocomplete="current-password"
            maxLength={1024}
            required
          />
        </label>
        {error !== null && (
          <p class="problem" role="alert">
            {error}
          </p>
        )}
        <button type="submit" disabled={isBusy}>
          {isBusy ? 'Signing in…' : 'Sign in'}
        </button>
        {hasOidc && (
          <a class="login-elsewhere" href="/api/auth/oidc/start" data-testid="login-oidc">
            Sign in with OpenID Connect
          </a>
        )}
        <p class="login-hint">
          The first start of <code>headframe up</code> prints a login; <code>headframe users add</code> makes
          others.
        </p>
      </form>
    </main>
  );
}

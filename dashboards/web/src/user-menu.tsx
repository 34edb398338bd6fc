import type { Me } from './session.js';

interface UserMenuProps {
  readonly me: Me;
  readonly leave: () => Promise<void>;
  readonly ask: () => void;
}

/** Who looks at the page, and the way out. */
export function UserMenu({ me, leave, ask }: UserMenuProps) {
  if (me.kind !== 'user') {
    return (
      <button type="button" class="sign-in" onClick={ask}>
        Sign in
      </button>
    );
  }
  return (
    <details class="user-menu">
      <summary aria-label={`Signed in as ${me.name}`}>{me.name}</summary>
      <div class="user-panel">
        <p>
          <strong>{me.name}</strong>
          <span class="user-role">{me.role}</span>
        </p>
        <button type="button" id="sign-out" onClick={() => void leave()}>
          Sign out
        </button>
      </div>
    </details>
  );
}

import type { ComponentChildren } from 'preact';
import { serverNow } from './api.js';
import { duration, instant, words } from './format.js';
import type { Quantity } from './format.js';
import { change, formatRoute } from './route.js';
import type { Go, Route } from './route.js';

/** A number with its unit set smaller. */
export function Value({ of }: { readonly of: Quantity }) {
  return (
    <span class="value">
      {of.value}
      {of.unit !== '' && <span class="unit"> {of.unit}</span>}
    </span>
  );
}

/** What a miner does: a coloured dot and the word. */
export function State({ name }: { readonly name: string }) {
  return (
    <span class="state" data-state={name}>
      {words(name)}
    </span>
  );
}

interface HealthWordProps {
  readonly name: string;
  /** Why it could not be read, in place of the level. */
  readonly reason?: string | null;
  readonly title?: string | null;
}

/** How well a miner is; only what is not healthy stands out. */
export function HealthWord({ name, reason = null, title = null }: HealthWordProps) {
  return (
    <span class="health clip" data-health={name} title={title || undefined}>
      {words(reason ?? name)}
    </span>
  );
}

/** How long ago an instant of the server's clock was. */
export function Age({ of, isStale = false }: { readonly of: string; readonly isStale?: boolean }) {
  const seconds = (serverNow() - Date.parse(of)) / 1000;
  return (
    <time dateTime={of} title={instant(of)}>
      {duration(seconds)}
      {isStale && <span class="tag">stale</span>}
    </time>
  );
}

/** A share of 1 as a short bar; more than 1 is drawn as full. */
export function Bar({ share, label }: { readonly share: number; readonly label: string }) {
  const width = Math.max(0, Math.min(1, share)) * 100;
  return (
    <svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" role="img" aria-label={label}>
      <rect class="bar-track" width="100" height="6" />
      <rect class="bar-fill" width={width} height="6" />
    </svg>
  );
}

/** A sentence about something that went wrong, read out at once. */
export function Problem({ children }: { readonly children: ComponentChildren }) {
  return (
    <p class="problem" role="alert">
      {children}
    </p>
  );
}

interface RouteLinkProps {
  readonly to: Partial<Route>;
  readonly route: Route;
  readonly go: Go;
  readonly class?: string;
  readonly isCurrent?: boolean;
  readonly children: ComponentChildren;
}

/** Leads elsewhere on the page; a real address, so that it can be opened apart. */
export function RouteLink({ to, route, go, class: name, isCurrent = false, children }: RouteLinkProps) {
  return (
    <a
      class={name}
      href={formatRoute(change(route, to))}
      aria-current={isCurrent ? 'page' : undefined}
      onClick={(event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey) return;
        event.preventDefault();
        event.stopPropagation();
        go(to);
      }}
    >
      {children}
    </a>
  );
}

import type { AlertKind, AlertSeverity } from '../domain/alert-kinds.js';

/**
 * What a reading says. `between` is neither bad enough to breach nor good enough to clear; `unknown` is
 * no fresh reading at all, which opens nothing and ends nothing; `gone`: the miner or the rule is no more.
 */
export type FactStatus = 'breach' | 'between' | 'clear' | 'unknown' | 'gone';

/** One rule held against one miner, or against a site, and what is remembered of the two. */
export interface AlertFact {
  readonly ruleId: number;
  readonly siteId: number;
  readonly siteName: string;
  /** Null: the rule is about the site. */
  readonly minerId: number | null;
  readonly minerKey: string | null;
  readonly model: string | null;
  readonly ip: string | null;
  readonly pool: string | null;
  /** Where the rack map of the site says that the miner stands; null: it does not say. */
  readonly rack: string | null;
  readonly kind: AlertKind;
  readonly severity: AlertSeverity;
  readonly status: FactStatus;
  readonly value: number | null;
  readonly threshold: number | null;
  readonly durationS: number;
  readonly cooldownS: number;
  /** Since when the breach lasts that is not an alert yet. */
  readonly pendingSinceMs: number | null;
  readonly dueMs: number | null;
  /** The open alert, if there is one. */
  readonly alertId: number | null;
  readonly incidentId: number | null;
  readonly triggeredMs: number | null;
  /** End of the last alert of this rule and target. */
  readonly lastResolvedMs: number | null;
}

/** What one evaluation changes; each fact is in one list at most, but an opened one may have been pending. */
export interface Transitions {
  readonly pend: readonly { readonly fact: AlertFact; readonly sinceMs: number; readonly dueMs: number }[];
  readonly unpend: readonly AlertFact[];
  readonly open: readonly AlertFact[];
  readonly resolve: readonly { readonly fact: AlertFact; readonly because: 'clear' | 'gone' }[];
}

/**
 * States of a rule and its target: quiet → pending (breach) → open (breach for `durationS`, and `cooldownS`
 * over since the last alert) → quiet (clear or gone). Pending falls back to quiet on anything but a breach.
 */
export function decide(facts: readonly AlertFact[], nowMs: number): Transitions {
  const pend: Transitions['pend'][number][] = [];
  const unpend: AlertFact[] = [];
  const open: AlertFact[] = [];
  const resolve: Transitions['resolve'][number][] = [];
  for (const fact of facts) {
    if (fact.status !== 'breach') {
      if (fact.pendingSinceMs !== null) unpend.push(fact);
      if (fact.alertId !== null && (fact.status === 'clear' || fact.status === 'gone'))
        resolve.push({ fact, because: fact.status });
    } else if (fact.alertId === null) {
      const { sinceMs, dueMs } = pendingOf(fact, nowMs);
      if (dueMs <= nowMs) open.push(fact);
      else if (fact.pendingSinceMs !== sinceMs) pend.push({ fact, sinceMs, dueMs });
    }
  }
  return { pend, unpend, open, resolve };
}

/** A clock that was set back must not make a breach wait for the time it was set back by. */
function pendingOf(fact: AlertFact, nowMs: number): { sinceMs: number; dueMs: number } {
  const { pendingSinceMs, dueMs } = fact;
  if (pendingSinceMs !== null && dueMs !== null && pendingSinceMs <= nowMs)
    return { sinceMs: pendingSinceMs, dueMs };
  const cooledMs = fact.lastResolvedMs === null ? nowMs : fact.lastResolvedMs + fact.cooldownS * 1_000;
  const latestMs = nowMs + Math.max(fact.durationS, fact.cooldownS) * 1_000;
  return { sinceMs: nowMs, dueMs: Math.min(latestMs, Math.max(nowMs + fact.durationS * 1_000, cooledMs)) };
}

import { z } from 'zod';
import type { VersionedPlan } from '../../domain/site-plan.js';
import { parseJson } from '../api-answer.js';
import { CollectorHttp, faultOf, type CollectorFault } from '../collector-http.js';
import { planSchema } from './plan-text.js';

export interface PlanClientOptions {
  /** Base URL of the api. */
  readonly apiUrl: string;
  readonly key: () => string;
  /** How long the api may hold an answer while the plan stays, s. */
  readonly waitS: number;
  /** Of connecting, and of an answer beyond what was waited for, ms. */
  readonly deadlineMs: number;
}

/** `same`: the plan is still the one of the tag. `plan` null: none was given yet. */
export type PlanResult =
  | { readonly kind: 'plan'; readonly plan: VersionedPlan | null; readonly tag: string | null }
  | { readonly kind: 'same'; readonly retryAfterMs: number | null }
  | CollectorFault;

const answerSchema = z.object({ success: z.literal(true), plan: planSchema.nullable() });

/** Fetches the plan of a site. Never throws. */
export class PlanClient {
  readonly #options: PlanClientOptions;
  readonly #http: CollectorHttp;

  constructor(options: PlanClientOptions) {
    this.#options = options;
    const { deadlineMs: connectTimeoutMs } = options;
    this.#http = new CollectorHttp({
      ...options,
      connectTimeoutMs,
      connections: 1,
      nowMs: () => performance.now(),
    });
  }

  /** Waits for another plan than that of `tag`; without a tag it answers at once. `signal` gives up. */
  async fetch(tag: string | null, signal: AbortSignal): Promise<PlanResult> {
    const { waitS, deadlineMs } = this.#options;
    const answer = await this.#http.ask({
      method: 'GET',
      path: `/plan?wait=${waitS}`,
      ...(tag !== null && { headers: { 'if-none-match': tag } }),
      deadlineMs: waitS * 1_000 + deadlineMs,
      signal,
    });
    if (!('body' in answer)) return answer;
    if (answer.status === 304) return { kind: 'same', retryAfterMs: answer.retryAfterMs };
    if (answer.status === 404 || answer.status === 405) return { kind: 'absent' };
    const fault = faultOf(answer);
    if (fault !== null) return fault;
    const read = answerSchema.safeParse(parseJson(answer.body));
    return read.success
      ? { kind: 'plan', plan: read.data.plan, tag: answer.tag }
      : { kind: 'retry', retryAfterMs: answer.retryAfterMs, detail: 'the answer cannot be read' };
  }

  close(): Promise<void> {
    return this.#http.close();
  }
}

import { number } from '../format.js';
import type { Plan } from './orders.js';

const namesText = (names: readonly string[], count: number): string =>
  `${names.join(', ')}${count > names.length ? `, and ${number(count - names.length)} more` : ''}`;

/** What a batch would do, and whom it leaves out and why. */
export function BatchPlanView({ what, plan }: { readonly what: string; readonly plan: Plan }) {
  const { count, waves, sample, refused, needs_approval: needsApproval } = plan;
  return (
    <div class="batch-plan" data-testid="plan">
      <h3>
        {count === 0
          ? 'No miner is left to be told'
          : `${what}: ${number(count)} ${count === 1 ? 'miner' : 'miners'}`}
        {waves > 1 && ` in ${number(waves)} waves`}
      </h3>
      {count > 0 && <p>{namesText(sample, count)}</p>}
      {needsApproval && <p class="problem">Somebody else has to approve a batch of this size.</p>}
      {refused.length > 0 && (
        <>
          <h3>Left out</h3>
          <ul class="plan-refused">
            {refused.map(({ reason, count: n, sample: names }) => (
              <li key={reason}>
                <strong>{number(n)}</strong> {reason}
                <span class="quiet"> {namesText(names, n)}</span>
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  );
}

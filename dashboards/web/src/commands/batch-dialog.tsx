import { useEffect, useRef, useState } from 'preact/hooks';
import type { CommandKind } from '../../../../src/domain/commands.js';
import { ask, useResource } from '../api.js';
import { number, words } from '../format.js';
import { Problem } from '../parts.js';
import type { Go, Route } from '../route.js';
import { BatchHow, howBody, newHow, type How } from './batch-how.js';
import { BatchPlanView } from './batch-plan.js';
import { newDraft, OrderFields, orderOf, type Draft } from './order-form.js';
import {
  kindTexts,
  paramsText,
  type CommandOption,
  type CommandOptions,
  type Order,
  type Plan,
} from './orders.js';

/** The filter of the table as the api takes it; all of a site has to be said. */
function filterOf({ search, state, onlineOnly }: Route): object {
  if (search === '' && state === '' && !onlineOnly) return { all: true };
  return { search: search || null, state: state || null, online_only: onlineOnly };
}

function filterText({ search, state, onlineOnly }: Route): string {
  const parts = [
    state === '' ? null : `state ${words(state)}`,
    search === '' ? null : `“${search}”`,
    onlineOnly ? 'online only' : null,
  ].filter((part) => part !== null);
  return parts.length === 0 ? 'Every miner of the site' : `Miners of the table: ${parts.join(', ')}`;
}

interface BatchDialogProps {
  readonly site: number;
  readonly route: Route;
  readonly go: Go;
  readonly onClose: () => void;
}

/** Tells all miners of the filtered table the same: first what would happen, then does it. */
export function BatchDialog({ site, route, go, onClose }: BatchDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const { data, error } = useResource<CommandOptions>(`/commands/options?site_id=${site}`, 0);
  useEffect(() => {
    const opened = dialog.current;
    opened?.showModal();
    return () => opened?.close();
  }, []);
  const allowed = data?.kinds.filter(({ refused }) => refused === null) ?? [];
  return (
    <dialog
      id="batch"
      class="sheet"
      ref={dialog}
      aria-labelledby="batch-title"
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <header class="sheet-head">
        <div>
          <h2 id="batch-title">Tell many miners</h2>
          <p class="quiet">{filterText(route)}</p>
        </div>
        <button type="button" onClick={onClose}>
          Close
        </button>
      </header>
      {error !== null && <Problem>{error}</Problem>}
      {data?.enabled === false && (
        <p class="quiet">Commands are switched off on this api (commands.enabled).</p>
      )}
      {data?.enabled === true && allowed[0] !== undefined && (
        <BatchForm site={site} options={allowed} first={allowed[0]} route={route} go={go} onClose={onClose} />
      )}
    </dialog>
  );
}

interface BatchFormProps {
  readonly site: number;
  readonly options: readonly CommandOption[];
  readonly first: CommandOption;
  readonly route: Route;
  readonly go: Go;
  readonly onClose: () => void;
}

/** What was asked, and what the api would make of it. */
interface Checked {
  readonly order: Order;
  readonly body: object;
  readonly plan: Plan;
}

function BatchForm({ site, options, first, route, go, onClose }: BatchFormProps) {
  const [draft, setDraft] = useState<Draft>(() => newDraft(first));
  const [how, setHow] = useState<How>(newHow);
  const [checked, setChecked] = useState<Checked | null>(null);
  const [made, setMade] = useState<Plan | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const option = options.find(({ command }) => command === draft.kind) ?? first;

  const run = async (what: () => Promise<void>): Promise<void> => {
    setBusy(true);
    setProblem(null);
    await what().catch((cause: unknown) => setProblem((cause as Error).message));
    setBusy(false);
  };
  const check = (event: Event): void => {
    event.preventDefault();
    const order = orderOf(draft, option);
    const told = howBody(how);
    if (typeof order === 'string') return setProblem(order);
    if (typeof told === 'string') return setProblem(told);
    const body = { site_id: site, filter: filterOf(route), ...order, ...told };
    void run(async () =>
      setChecked({
        order,
        body,
        plan: await ask<Plan>('POST', '/commands/batch', { body: { ...body, dry_run: true } }),
      }),
    );
  };
  const tell = ({ body }: Checked): void =>
    void run(async () => setMade(await ask<Plan>('POST', '/commands/batch', { body })));
  const { name, does } = kindTexts[draft.kind];

  if (made !== null)
    return (
      <div class="sheet-body">
        <p role="status" data-testid="batch-made">
          {made.message}.
        </p>
        <div class="order-buttons">
          <button
            type="button"
            class="primary"
            onClick={() => {
              onClose();
              go({ view: 'commands', batch: made.batch_id });
            }}
          >
            Watch it
          </button>
        </div>
      </div>
    );
  if (checked !== null)
    return (
      <div class="sheet-body">
        <BatchPlanView what={`${name} ${paramsText(checked.order.parameters)}`.trim()} plan={checked.plan} />
        {problem !== null && <Problem>{problem}</Problem>}
        <div class="order-buttons">
          <button
            type="button"
            class="primary"
            disabled={isBusy || checked.plan.count === 0}
            onClick={() => tell(checked)}
          >
            {name} {number(checked.plan.count)} {checked.plan.count === 1 ? 'miner' : 'miners'}
          </button>
          <button
            type="button"
            onClick={() => {
              setChecked(null);
              setProblem(null);
            }}
          >
            Back
          </button>
        </div>
      </div>
    );
  return (
    <form class="sheet-body order" onSubmit={check} noValidate>
      <label>
        Command
        <select
          id="batch-kind"
          value={draft.kind}
          onChange={({ currentTarget }) => {
            const kind = currentTarget.value as CommandKind;
            const next = options.find(({ command }) => command === kind) ?? first;
            const { priority, ttlMinutes } = draft;
            setDraft({ ...newDraft(next), priority, ttlMinutes });
          }}
        >
          {options.map(({ command }) => (
            <option key={command} value={command}>
              {kindTexts[command].name}
            </option>
          ))}
        </select>
      </label>
      <p class="quiet">{does}</p>
      <OrderFields
        option={option}
        draft={draft}
        change={(patch) => setDraft((old) => ({ ...old, ...patch }))}
      />
      <BatchHow how={how} change={(patch) => setHow((old) => ({ ...old, ...patch }))} />
      {problem !== null && <Problem>{problem}</Problem>}
      <div class="order-buttons">
        <button type="submit" class="primary" disabled={isBusy}>
          {isBusy ? 'Looking…' : 'See what would happen'}
        </button>
      </div>
    </form>
  );
}

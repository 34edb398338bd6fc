import { useState } from 'preact/hooks';
import { isFault, readOrder, type CommandKind } from '../../../../src/domain/commands.js';
import type { CommandOption, Order } from './orders.js';

interface Field {
  readonly label: string;
  readonly type: 'number' | 'text' | 'password';
  readonly placeholder?: string;
  readonly isOptional?: boolean;
}

const fields: Readonly<Record<string, Field>> = {
  pool_url: {
    label: 'Address of the pool',
    type: 'text',
    placeholder: 'stratum+tcp://pool.example.com:3333',
  },
  pool_user: { label: 'Worker', type: 'text', placeholder: 'account.worker' },
  pool_password: { label: 'Password', type: 'password', isOptional: true },
  pool_id: { label: 'Number in the miner’s list, from 0', type: 'number' },
  speed: { label: 'Speed, %', type: 'number' },
  frequency: { label: 'Frequency, MHz', type: 'number' },
  percent: { label: 'Change of its own target, %', type: 'number' },
};

const formNames: Readonly<Record<string, string>> = {
  pool_url: 'By address',
  pool_id: 'By number',
  frequency: 'In MHz',
  percent: 'In percent',
};

/** What is typed so far. */
export interface Draft {
  readonly kind: CommandKind;
  /** Which parameters, by their first. */
  readonly form: string;
  readonly values: Readonly<Record<string, string>>;
  readonly priority: number;
  readonly ttlMinutes: number;
}

/** A draft of a kind with the first form that it takes. */
export function newDraft(option: CommandOption): Draft {
  const form = option.forms.find(({ refused }) => refused === null) ?? option.forms[0];
  return { kind: option.command, form: form?.fields[0] ?? '', values: {}, priority: 5, ttlMinutes: 30 };
}

/** The order a draft says, or what is wrong with it in words. */
export function orderOf(draft: Draft, option: CommandOption): Order | string {
  const names = option.forms.find(({ fields: [first] }) => (first ?? '') === draft.form)?.fields ?? [];
  const parameters: Record<string, unknown> = {};
  for (const name of names) {
    const { label, type, isOptional = false } = fields[name] ?? { label: name, type: 'text' };
    const typed = draft.values[name]?.trim() ?? '';
    if (typed !== '') parameters[name] = type === 'number' ? Number(typed) : typed;
    else if (!isOptional) return `${label}: is missing`;
  }
  const read = readOrder(draft.kind, parameters);
  if (isFault(read)) {
    const name = read.field.replace('parameters.', '');
    return `${fields[name]?.label ?? name}: ${read.message}`;
  }
  const { priority, ttlMinutes } = draft;
  if (!(ttlMinutes >= 1)) return 'Valid for: at least a minute';
  return { command_type: draft.kind, parameters, priority, ttl_minutes: ttlMinutes };
}

/** A draft that changes, begun anew with another kind. */
export function useDraft(first: CommandOption): readonly [Draft, (patch: Partial<Draft>) => void] {
  const [draft, setDraft] = useState(() => newDraft(first));
  return [draft, (patch) => setDraft((old) => ({ ...old, ...patch }))];
}

interface OrderFieldsProps {
  readonly option: CommandOption;
  readonly draft: Draft;
  readonly change: (patch: Partial<Draft>) => void;
}

/** Parameters of a command, and how long and how urgently it waits. */
export function OrderFields({ option, draft, change }: OrderFieldsProps) {
  const possible = option.forms.filter(({ refused }) => refused === null);
  const form = option.forms.find(({ fields: [first] }) => (first ?? '') === draft.form);
  return (
    <div class="order-fields">
      {possible.length > 1 && (
        <div class="order-forms" role="group" aria-label="How it is said">
          {possible.map(({ fields: [first = ''] }) => (
            <label key={first} class="check">
              <input
                type="radio"
                name="form"
                value={first}
                checked={first === draft.form}
                onChange={() => change({ form: first })}
              />
              {formNames[first] ?? first}
            </label>
          ))}
        </div>
      )}
      {(form?.fields ?? []).map((name) => {
        const { label, type, placeholder, isOptional } = fields[name] ?? { label: name, type: 'text' };
        return (
          <label key={name}>
            {label}
            {isOptional === true && <span class="quiet"> (optional)</span>}
            <input
              name={name}
              type={type}
              step="any"
              autocomplete="off"
              spellcheck={false}
              placeholder={placeholder}
              value={draft.values[name] ?? ''}
              onInput={({ currentTarget }) =>
                change({ values: { ...draft.values, [name]: currentTarget.value } })
              }
            />
          </label>
        );
      })}
      <details class="order-more">
        <summary>Time and priority</summary>
        <div class="order-pair">
          <label>
            Valid for, min
            <input
              name="ttl"
              type="number"
              min={1}
              max={10_080}
              value={draft.ttlMinutes}
              onInput={({ currentTarget }) => change({ ttlMinutes: currentTarget.valueAsNumber })}
            />
          </label>
          <label>
            Priority
            <select
              name="priority"
              value={String(draft.priority)}
              onChange={({ currentTarget }) => change({ priority: Number(currentTarget.value) })}
            >
              <option value="1">Low</option>
              <option value="5">Normal</option>
              <option value="9">Urgent</option>
            </select>
          </label>
        </div>
        <p class="quiet">It is never executed after its time, not even when the miner comes back.</p>
      </details>
    </div>
  );
}

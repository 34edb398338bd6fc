import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { CommandEvent, CommandRecord } from '../../../../src/domain/command-queue.js';
import { endStatuses } from '../../../../src/domain/commands.js';
import { ask, useResource } from '../api.js';
import { instant, number, words } from '../format.js';
import { Age, Problem } from '../parts.js';
import { kindTexts, paramsText, reasonText } from './orders.js';

/** A status, with what later samples say of it. */
export function Status({ command }: { readonly command: CommandRecord }) {
  const { status, confirmation } = command;
  return (
    <span class="command-status" data-status={status}>
      {status}
      {confirmation !== null && (
        <span class="tag" data-confirmation={confirmation}>
          {confirmation === 'waiting' ? 'effect awaited' : words(confirmation)}
        </span>
      )}
    </span>
  );
}

/** Readings in words; what is not known is left out. */
function Readings({ title, of }: { readonly title: string; readonly of: CommandRecord['observed'] }) {
  const known = Object.entries(of ?? {}).filter(([name, value]) => value !== null && name !== 'time');
  if (known.length === 0) return null;
  const shown = known.map(([name, value]) => `${words(name)} ${readingText(value)}`);
  return (
    <p>
      <span class="quiet">{title}:</span> {shown.join(' · ')}
    </p>
  );
}

function readingText(value: unknown): string {
  if (typeof value === 'number') return number(value, Number.isInteger(value) ? 0 : 1);
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** All that happened to a command. */
function Story({ id, tick }: { readonly id: number; readonly tick: number }) {
  const path = `/commands/${id}`;
  const { data, error } = useResource<{ command: CommandRecord; events: readonly CommandEvent[] }>(
    path,
    tick,
  );
  if (error !== null) return <Problem>{error}</Problem>;
  if (data === null) return <p class="quiet">Loading…</p>;
  const { command, events } = data;
  return (
    <div class="command-story">
      <ol>
        {events.map((event, at) => (
          <li key={at}>
            <time dateTime={event.at}>{instant(event.at)}</time>
            <span class="command-status" data-status={event.to_status}>
              {event.from_status === event.to_status ? 'noted' : event.to_status}
            </span>
            <span class="quiet">
              by {event.by}
              {event.note !== null && `: ${event.note}`}
            </span>
          </li>
        ))}
      </ol>
      <Readings title="Read when it was handed out" of={command.baseline} />
      <Readings title="Read afterwards" of={command.observed} />
      <Readings title="Reported after its end" of={command.late_result} />
      <p class="quiet">
        Command {command.command_id}, never executed after {instant(command.expires_at)}.
      </p>
    </div>
  );
}

interface CommandListProps {
  readonly commands: readonly CommandRecord[];
  /** Names the miner, where that is not plain; null: it is. */
  readonly nameMiner: ((miner: string) => ComponentChildren) | null;
  readonly mayAct: boolean;
  readonly tick: number;
  readonly onChanged: () => void;
}

/** Commands, one below the other; each opens on what happened to it. */
export function CommandList({ commands, nameMiner, mayAct, tick, onChanged }: CommandListProps) {
  const [open, setOpen] = useState<number | null>(null);
  const [error, setError] = useState<string | null>(null);
  const cancel = async (id: number): Promise<void> => {
    setError(null);
    await ask('DELETE', `/commands/${id}`).catch((cause: unknown) => setError((cause as Error).message));
    onChanged();
  };
  return (
    <>
      {error !== null && <Problem>{error}</Problem>}
      <ul class="commands">
        {commands.map((command) => {
          const { command_id: id } = command;
          const reason = reasonText(command);
          const isOpen = open === id;
          return (
            <li key={id} data-command={id} data-status={command.status}>
              <div class="command-line">
                <button
                  type="button"
                  class="plain command-what"
                  aria-expanded={isOpen}
                  onClick={() => setOpen(isOpen ? null : id)}
                >
                  <span class="command-kind">{kindTexts[command.command].name}</span>
                  <span class="command-params quiet">{paramsText(command.params)}</span>
                </button>
                {nameMiner?.(command.miner_id)}
                <Status command={command} />
                {reason !== null && <span class="command-reason quiet">{reason}</span>}
                <span class="command-by quiet">
                  {command.created_by}, <Age of={command.created_at} /> ago
                </span>
                {mayAct && !endStatuses.has(command.status) && (
                  <button type="button" class="command-cancel" onClick={() => void cancel(id)}>
                    Cancel
                  </button>
                )}
              </div>
              {isOpen && <Story id={id} tick={tick} />}
            </li>
          );
        })}
      </ul>
    </>
  );
}

import { useState } from 'preact/hooks';
import type { CommandRecord } from '../../../../src/domain/command-queue.js';
import { endStatuses, type CommandKind } from '../../../../src/domain/commands.js';
import { ask, useResource } from '../api.js';
import { Section } from '../equipment.js';
import { Problem } from '../parts.js';
import { useNow } from '../stream.js';
import { CommandList } from './command-list.js';
import { OrderFields, orderOf, useDraft } from './order-form.js';
import { kindTexts, type CommandOption, type CommandOptions } from './orders.js';

/** Of the miner's latest commands. */
const shown = 5;
/** Between two looks, so that what was just done is seen. */
const soonMs = 300;

interface MinerCommandsProps {
  readonly site: number;
  readonly miner: string;
  readonly mayAct: boolean;
}

/** What a miner was told lately and, for who may, what it can be told. */
export function MinerCommands({ site, miner, mayAct }: MinerCommandsProps) {
  const tick = useNow(2000);
  const [changes, setChanges] = useState(0);
  const query = new URLSearchParams({ site_id: String(site), miner_id: miner });
  const list = useResource<{ commands: readonly CommandRecord[] }>(
    `/commands/history?${query.toString()}&limit=${shown}`,
    tick + changes,
    soonMs,
  );
  const options = useResource<CommandOptions>(
    mayAct ? `/commands/options?${query.toString()}` : null,
    tick,
    60_000,
  );
  const commands = list.data?.commands ?? [];
  if (!mayAct && commands.length === 0) return null;
  const isWaiting = commands.some(({ status }) => !endStatuses.has(status));
  return (
    <Section id="commands" title="Commands">
      {options.data !== null && (
        <Tell
          key={miner}
          site={site}
          miner={miner}
          options={options.data}
          onDone={() => setChanges((n) => n + 1)}
        />
      )}
      {(list.error ?? options.error) !== null && <Problem>{list.error ?? options.error}</Problem>}
      <div role="status" class="visually-hidden">
        {isWaiting ? 'A command is on its way.' : ''}
      </div>
      <CommandList
        commands={commands}
        nameMiner={null}
        mayAct={mayAct}
        tick={tick}
        onChanged={() => setChanges((n) => n + 1)}
      />
    </Section>
  );
}

interface TellProps {
  readonly site: number;
  readonly miner: string;
  readonly options: CommandOptions;
  readonly onDone: () => void;
}

function Tell({ site, miner, options, onDone }: TellProps) {
  const [kind, setKind] = useState<CommandKind | null>(null);
  if (!options.enabled) return <p class="quiet">Commands are switched off on this api (commands.enabled).</p>;
  const chosen = options.kinds.find(({ command }) => command === kind);
  const refused = options.kinds.filter((option) => option.refused !== null);
  return (
    <>
      <div class="command-kinds" role="group" aria-label="Tell this miner">
        {options.kinds.map(({ command, refused: reason }) => (
          <button
            key={command}
            type="button"
            data-kind={command}
            disabled={reason !== null}
            title={reason ?? kindTexts[command].does}
            aria-pressed={kind === command}
            onClick={() => setKind(kind === command ? null : command)}
          >
            {kindTexts[command].name}
          </button>
        ))}
      </div>
      {refused.length > 0 && (
        <ul class="command-refused quiet">
          {refused.map(({ command, refused: reason }) => (
            <li key={command}>
              {kindTexts[command].name}: {reason}
            </li>
          ))}
        </ul>
      )}
      {chosen !== undefined && (
        <Confirm
          key={chosen.command}
          site={site}
          miner={miner}
          option={chosen}
          onClose={() => setKind(null)}
          onDone={onDone}
        />
      )}
    </>
  );
}

interface ConfirmProps {
  readonly site: number;
  readonly miner: string;
  readonly option: CommandOption;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

/** Asks for what a command takes, and whether it is meant. */
function Confirm({ site, miner, option, onClose, onDone }: ConfirmProps) {
  const [draft, change] = useDraft(option);
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const { name, does } = kindTexts[option.command];
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const order = orderOf(draft, option);
    if (typeof order === 'string') return setProblem(order);
    setBusy(true);
    setProblem(null);
    try {
      await ask('POST', '/commands', { body: { site_id: site, miner_id: miner, ...order } });
      onClose();
      onDone();
    } catch (cause) {
      setProblem((cause as Error).message);
      setBusy(false);
    }
  };
  return (
    <form class="order" onSubmit={(event) => void submit(event)} data-testid="confirm" noValidate>
      <h4>
        {name} {miner}?
      </h4>
      <p class="quiet">{does}</p>
      <OrderFields option={option} draft={draft} change={change} />
      {problem !== null && <Problem>{problem}</Problem>}
      <div class="order-buttons">
        <button type="submit" class="primary" disabled={isBusy}>
          {isBusy ? 'Sending…' : `${name} now`}
        </button>
        <button type="button" onClick={onClose}>
          Not now
        </button>
      </div>
    </form>
  );
}

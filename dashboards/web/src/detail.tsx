import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { MinerDetail } from '../../../src/domain/ingest.js';
import { useResource } from './api.js';
import { MinerCommands } from './commands/miner-commands.js';
import { readBoard, readDetails } from './details.js';
import { Boards, Fans, Pools, Section } from './equipment.js';
import { AllFacts, Headline } from './facts.js';
import { words } from './format.js';
import { HealthWord, Problem, State } from './parts.js';
import { Raw, Repairs } from './raw.js';
import type { Go } from './route.js';

interface DetailProps {
  readonly site: number;
  readonly miner: string;
  /** Names on the page of the table, in its order. */
  readonly neighbours: readonly string[];
  readonly tick: number;
  readonly go: Go;
  /** The reader may tell the miner what to do. */
  readonly mayAct: boolean;
}

function Troubles({
  miner,
  truncated,
}: {
  readonly miner: MinerDetail;
  readonly truncated: readonly string[];
}) {
  const why = [miner.error_class === null ? null : words(miner.error_class), miner.error_message || null];
  const sentence = why.filter((part) => part !== null).join(': ');
  return (
    <>
      {sentence !== '' && <p class="problem">{sentence}</p>}
      {miner.is_stale && (
        <p class="problem">No reading for more than three intervals; these figures are old.</p>
      )}
      {truncated.length > 0 && (
        <p class="problem">
          Cut short by the miner: {truncated.join(', ')}. What is missing is shown as unknown.
        </p>
      )}
    </>
  );
}

function Body({ miner, children }: { readonly miner: MinerDetail; readonly children: ComponentChildren }) {
  const read = readDetails(miner);
  return (
    <>
      <Troubles miner={miner} truncated={read.truncated} />
      <Headline miner={miner} />
      {children}
      {read.deviceErrors.length > 0 && (
        <Section id="device-errors" title="Device errors">
          <ul class="errors">
            {read.deviceErrors.map((error, index) => (
              <li key={index}>
                <code>{error.code}</code> {error.text}
              </li>
            ))}
          </ul>
        </Section>
      )}
      <Boards boards={miner.boards.map(readBoard)} />
      <Fans fans={read.fans} />
      <Pools pools={read.pools} />
      <AllFacts miner={miner} read={read} />
      <Repairs repairs={read.repairs} />
      <Raw raw={miner.raw} time={miner.raw_time} />
    </>
  );
}

/** One miner in full, over the page; Escape closes it, the focus goes back to where it was. */
export function Detail({ site, miner, neighbours, tick, go, mayAct }: DetailProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const path = `/sites/${site}/miners/${encodeURIComponent(miner)}`;
  const { data: last, error } = useResource<MinerDetail>(path, tick);
  const data = last?.miner_id === miner ? last : null;
  useEffect(() => {
    const opened = dialog.current;
    opened?.showModal();
    return () => opened?.close();
  }, []);
  const at = neighbours.indexOf(miner);
  const step = (by: -1 | 1, label: string) => {
    if (at < 0) return null;
    const next = neighbours[at + by];
    return (
      <button type="button" disabled={next === undefined} onClick={() => go({ miner: next ?? '' }, true)}>
        {label}
      </button>
    );
  };
  return (
    <dialog
      id="detail"
      ref={dialog}
      aria-labelledby="detail-title"
      onCancel={(event) => {
        event.preventDefault();
        go({ miner: '' });
      }}
      onClick={(event) => {
        if (event.target === dialog.current) go({ miner: '' });
      }}
    >
      <div class="detail-inner">
        <header class="detail-head">
          <div>
            <h2 id="detail-title">{miner}</h2>
            {data !== null && (
              <p class="detail-sub">
                <State name={data.state} />
                <HealthWord name={data.health} />
                <span class="quiet">
                  {[data.model, data.ip_address].filter((part) => part !== null).join(' · ')}
                </span>
              </p>
            )}
          </div>
          <div class="detail-buttons">
            {step(-1, 'Previous')}
            {step(1, 'Next')}
            <button type="button" id="detail-close" onClick={() => go({ miner: '' })}>
              Close
            </button>
          </div>
        </header>
        {error !== null && <Problem>This miner could not be read. Trying again by itself. {error}</Problem>}
        {data === null && error === null && <p class="quiet">Loading…</p>}
        {data !== null && (
          <Body key={miner} miner={data}>
            <MinerCommands site={site} miner={miner} mayAct={mayAct} />
          </Body>
        )}
      </div>
    </dialog>
  );
}

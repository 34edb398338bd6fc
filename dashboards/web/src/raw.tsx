import { useState } from 'preact/hooks';
import type { Repair } from '../../../src/domain/telemetry.js';
import { Grid, Section } from './equipment.js';
import { instant, number, words } from './format.js';

/** What was put right while reading. */
export function Repairs({ repairs }: { readonly repairs: readonly Repair[] }) {
  if (repairs.length === 0) return null;
  return (
    <Section id="repairs" title="Repairs" note="What was put right while reading this miner’s replies.">
      <Grid
        label="Repairs"
        head={['Reply to', 'Kind', ['Times', 'num']]}
        rows={repairs.map((repair) => [
          <code>{repair.command}</code>,
          words(repair.kind),
          number(repair.count),
        ])}
      />
    </Section>
  );
}

/** The reply with line breaks, or `null` when it is no strict JSON. */
export function indented(reply: string): string | null {
  try {
    return JSON.stringify(JSON.parse(reply.replace(/\0+$/, '')), null, 2);
  } catch {
    return null;
  }
}

/** Control characters would not be seen; NUL becomes `\x00` and so on. */
export const visible = (reply: string): string =>
  reply.replace(
    /[\0-\x08\x0b\x0c\x0e-\x1f]/g,
    (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );

function Reply({ command, reply }: { readonly command: string; readonly reply: string }) {
  const [isOpen, setOpen] = useState(false);
  const [isIndented, setIndented] = useState(false);
  const pretty = isOpen ? indented(reply) : null;
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)} data-command={command}>
      <summary>
        <code>{command}</code>
        <span class="quiet">{number(new TextEncoder().encode(reply).length)} bytes</span>
      </summary>
      {isOpen && (
        <>
          <div class="reply-tools">
            {pretty === null ? (
              <span class="quiet">Not strict JSON; shown as received.</span>
            ) : (
              <label class="check">
                <input
                  type="checkbox"
                  checked={isIndented}
                  onChange={(event) => setIndented(event.currentTarget.checked)}
                />
                Indent
              </label>
            )}
          </div>
          <pre tabIndex={0} aria-label={`Reply to ${command}`}>
            {isIndented && pretty !== null ? pretty : visible(reply)}
          </pre>
        </>
      )}
    </details>
  );
}

interface RawProps {
  readonly raw: Readonly<Record<string, string>> | null;
  readonly time: string | null;
}

/** The replies as the miner sent them. */
export function Raw({ raw, time }: RawProps) {
  const replies = Object.entries(raw ?? {});
  return (
    <Section
      id="raw"
      title="Raw replies"
      note={
        replies.length === 0
          ? 'None kept yet. Replies are kept now and then, and whenever the repairs change.'
          : `As received ${instant(time)}. Newer readings may differ.`
      }
    >
      {replies.map(([command, reply]) => (
        <Reply key={command} command={command} reply={reply} />
      ))}
    </Section>
  );
}

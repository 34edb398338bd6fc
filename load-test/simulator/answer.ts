/** What a miner answers to one command, before it is written as JSON or as text. */
export type Answer =
  | {
      readonly kind: 'sections';
      readonly status: Status;
      /** Key of the list, or null when there is a STATUS only. */
      readonly section: string | null;
      /** JSON objects. */
      readonly items: readonly string[];
      /** Between two objects: `,`, or nothing on firmware that forgets it. */
      readonly glue: string;
    }
  /** Complete as it stands. */
  | { readonly kind: 'raw'; readonly json: string; readonly text: string }
  /** Closes without a byte, on purpose. */
  | { readonly kind: 'nothing' };

export interface Status {
  readonly letter: 'S' | 'I' | 'W' | 'E';
  readonly code: number;
  readonly message: string;
}

/** A STATUS and a list. */
export function listing(
  code: number,
  message: string,
  section: string,
  items: readonly string[],
  glue = ',',
): Answer {
  return { kind: 'sections', status: { letter: 'S', code, message }, section, items, glue };
}

/** A STATUS alone. */
export function statusOnly(letter: Status['letter'], code: number, message: string): Answer {
  return { kind: 'sections', status: { letter, code, message }, section: null, items: [], glue: ',' };
}

export const invalidCommand = statusOnly('E', 14, 'Invalid command');
export const nothing: Answer = { kind: 'nothing' };

/** As firmware does since API 1.7: quotes and backslashes, nothing else. */
export const escapeJson = (text: string): string => text.replace(/[\\"]/g, '\\$&');
const escapeText = (text: string): string => text.replace(/[\\|,=]/g, '\\$&');

/** As firmware prints it: no spaces, `id` last. */
export function toJson(
  answer: Exclude<Answer, { kind: 'nothing' }>,
  whenS: number,
  description: string,
): string {
  if (answer.kind === 'raw') return answer.json;
  const { letter, code, message } = answer.status;
  const status = `{"STATUS":[{"STATUS":"${letter}","When":${whenS},"Code":${code},"Msg":"${escapeJson(message)}","Description":"${description}"}]`;
  if (answer.section === null) return `${status},"id":1}`;
  return `${status},"${answer.section}":[${answer.items.join(answer.glue)}],"id":1}`;
}

/** The older text form: `STATUS=S,When=…|SUMMARY,Elapsed=…|`. */
export function toText(
  answer: Exclude<Answer, { kind: 'nothing' }>,
  whenS: number,
  description: string,
): string {
  if (answer.kind === 'raw') return answer.text;
  const { letter, code, message } = answer.status;
  let text = `STATUS=${letter},When=${whenS},Code=${code},Msg=${escapeText(message)},Description=${description}|`;
  for (const item of answer.items) text += `${itemText(answer.section ?? '', item)}|`;
  return text;
}

/** Objects that begin with their own number (`POOL=0`, `ASC=0`, `STATS=0`) carry no section name. */
function itemText(section: string, item: string): string {
  // A young Avalon prints nan, which JSON has not.
  const fields = JSON.parse(item.replace(/:nan\b/g, ':"nan"')) as Record<string, string | number | boolean>;
  const pairs = Object.entries(fields).map(([key, value]) => `${key}=${escapeText(String(value))}`);
  const isNumbered = /^(POOL|ASC|PGA|STATS|DEVDETAILS|BMMiner)$/.test(Object.keys(fields)[0] ?? '');
  return (isNumbered ? pairs : [section, ...pairs]).join(',');
}

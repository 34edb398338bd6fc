/** One reply of a captured file. */
export interface CapturedPiece {
  /** The command that the remark above it names; null when there is none, or it names none. */
  readonly command: string | null;
  readonly bytes: Uint8Array;
}

/** Replies looked for in one file. */
const maxPieces = 256;
/**
 * A remark of an export, to the end of its line: `// …`, `# …`, `> summary`, `$ nc …`, `== stats ==`, `── stats`
 * (in UTF-8); a shell's prompt or command; what telnet says.
 */
const remarkLine =
  /(?:\/\/|#|;|>|\$|={2,}|-{2,}|\xe2\x94\x80|[\w.-]{1,64}@[\w.-]{1,64}[:~\s][^\r\n#$]{0,200}[#$]|PS [^\r\n>]{0,200}>|[A-Z]:\\[^\r\n>]{0,200}>|(?:echo|printf|nc|ncat|netcat|socat|curl|telnet)\s|Trying |Connected to |Escape character |Connection closed)[^\r\n]*(?:\r\n|\r|\n|$)/y;
/** The request as a tool echoes it ahead of the reply, on a line of its own or not. */
const request =
  /(?:[<>][ \t]*)?\{\s*"(?:command|cmd)"\s*:\s*"[^"\r\n]{1,100}"\s*(?:,\s*"\w{1,20}"\s*:\s*(?:"[^"\r\n]{0,200}"|\d{1,10}|true|false|null)\s*){0,4}\}[ \t]*(?:\r\n|\r|\n)?/y;
/** A mark ahead of a reply: `< {…}`. */
const arrow = /(?:<{1,3}|=>|->)[ \t]*(?=[{[])/y;
/** A command on a line of its own: `summary`, `[summary]`. */
const label = /[[(*]{0,3}\s?[A-Za-z][\w+.]{1,60}\s?[\])*]{0,3}[ \t]*[:=]?[ \t]*(?:\r\n|\r|\n)/y;
/** Any word with a colon ahead of an object: `led: {…}`. */
const caption = /[A-Za-z][\w+. -]{1,60}[:=][\s\0]{0,8}(?=[{[])/y;
const blank = /[\s\0]*/y;

/** Where the remark ends that stands at `at`; null when none does. */
function endOfRemark(text: string, at: number, commandIn: CommandIn): number | null {
  for (const form of [request, arrow, remarkLine, caption, label]) {
    form.lastIndex = at;
    if (!form.test(text)) continue;
    // Any word may stand alone on a line: only one that is a command is a label.
    if (form === label && commandIn(text.slice(at, form.lastIndex)) === null) continue;
    return form.lastIndex;
  }
  return null;
}

type CommandIn = (remark: string) => string | null;

/**
 * Splits a captured file into replies: remark lines are put aside, and a reply ends where its JSON is
 * balanced and a remark or another object follows, or at a remark that names a command. What is not sure to be several replies is one, byte for
 * byte: a damaged reply must not be taken for two sound ones, nor its damage for a remark.
 */
export function splitCapture(bytes: Uint8Array, commandIn: CommandIn): CapturedPiece[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  // One character a byte, so that places in the text are places in the bytes.
  const text = buffer.toString('latin1');
  const pieces: CapturedPiece[] = [];
  let at = text.startsWith('\xef\xbb\xbf') && startsWithRemark(text, 3, commandIn) ? 3 : 0;
  while (at < text.length && pieces.length < maxPieces) {
    const { remark, end: start } = skipRemarks(text, at, commandIn);
    const isAtStart = pieces.length === 0 && remark === '';
    const from = isAtStart ? 0 : start;
    const end = pieces.length === maxPieces - 1 ? text.length : endOfPiece(text, start, commandIn);
    if (text.slice(from, end).trim() !== '' || pieces.length === 0)
      pieces.push({ command: commandIn(remark), bytes: buffer.subarray(from, end) });
    at = end;
  }
  const isEmpty = pieces.every((piece) => piece.bytes.every((byte) => byte <= 0x20));
  return pieces.length === 0 || isEmpty ? [{ command: null, bytes }] : pieces;
}

function startsWithRemark(text: string, at: number, commandIn: CommandIn): boolean {
  blank.lastIndex = at;
  blank.test(text);
  return endOfRemark(text, blank.lastIndex, commandIn) !== null;
}

function skipRemarks(
  text: string,
  from: number,
  commandIn: CommandIn,
): { readonly remark: string; readonly end: number } {
  let at = from;
  const remarks: string[] = [];
  for (;;) {
    blank.lastIndex = at;
    blank.test(text);
    const start = blank.lastIndex;
    const end = start < text.length ? endOfRemark(text, start, commandIn) : null;
    if (end === null) return { remark: remarks.join(' '), end: remarks.length > 0 ? start : from };
    remarks.push(text.slice(start, end).trim());
    at = end;
  }
}

/** Where the reply ends that begins at `start`, the blanks and NULs behind it included. */
function endOfPiece(text: string, start: number, commandIn: CommandIn): number {
  blank.lastIndex = start;
  blank.test(text);
  const first = blank.lastIndex;
  const balanced = text[first] === '{' || text[first] === '[' ? endOfJson(text, first) : null;
  if (balanced !== null) {
    blank.lastIndex = balanced;
    blank.test(text);
    const next = blank.lastIndex;
    if (next === text.length) return next;
    const hasLineEnd = /[\r\n\0]/.test(text.slice(balanced, next));
    if (text[next] === '{' || (hasLineEnd && startsWithRemark(text, next, commandIn))) return next;
  }
  // Not JSON, or damaged: only a line that names a command ends it.
  const lines = /[\r\n][ \t]{0,8}((?:>|\$|={2,}|\/\/|#|\xe2\x94\x80)[^\r\n]{0,200})/g;
  lines.lastIndex = balanced ?? first;
  for (let line = lines.exec(text); line !== null; line = lines.exec(text))
    if (commandIn(line[1] ?? '') !== null) return line.index + 1;
  return text.length;
}

/** Behind the bracket that closes the one at `start`; null when none does. Brackets in strings do not count. */
function endOfJson(text: string, start: number): number | null {
  let depth = 0;
  let isInString = false;
  for (let at = start; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (isInString) {
      if (char === 0x5c) at += 1;
      else if (char === 0x22) isInString = false;
    } else if (char === 0x22) isInString = true;
    else if (char === 0x7b || char === 0x5b) depth += 1;
    else if (char === 0x7d || char === 0x5d) {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return null;
}

const moduleHead = /^[\s\0]*(?:["']?MM ID\d*["']?\s*[:=]?\s*)?["']?\[?(?=Ver\[)/i;

/**
 * Avalon's text of one module, as it stands under `MM ID0` in `stats`; null when the bytes are none.
 * `isCut` when a bracket is left open.
 */
export function moduleText(bytes: Uint8Array): { readonly text: string; readonly isCut: boolean } | null {
  const whole = Buffer.from(bytes)
    .toString('utf8')
    .replace(/\0[^]*$/, '');
  const head = moduleHead.exec(whole);
  if (head === null) return null;
  let text = whole
    .slice(head[0].length)
    .trim()
    .replace(/["'],?$/, '');
  const wraps = head[0].trimEnd().endsWith('[');
  const depth = (text.match(/\[/g)?.length ?? 0) - (text.match(/\]/g)?.length ?? 0) + (wraps ? 1 : 0);
  if (wraps && depth === 0) text = text.slice(0, -1);
  return { text, isCut: depth > 0 || !text.endsWith(']') };
}

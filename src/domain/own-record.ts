import type { JsonObject } from './read-value.js';

/** A record as our own pollers write it, with what is stored as it was sent left as text. */
export interface OwnRecord {
  /** The record, without `details` where those are text. */
  readonly record: JsonObject;
  /** JSON of `record.boards` if these are as `areAsSent` wants them: no object ends a list inside of a board. */
  readonly boardsText: string;
  /** JSON of `details`, within the bounds of `readJson`, without device errors or cut replies; null: the record has none. */
  readonly detailsText: string | null;
}

const boardsStart = ',"boards":[';
const afterBoards = ',"boards_total":';
const detailsStart = ',"details":{';
const noDetails = ',"details":null,"raw":null,"quirks":null}';
const plainDetails = ',"device_errors":[],"repairs":[],"truncated":[]},"raw":null,"quirks":null}';
const afterDetails = ',"raw":null,"quirks":null}';
/** So that no more than 2,000 values fit, as `readRecord` allows. */
const maxDetailsLength = 4_000;
/** 32 boards with every sensor they may have. */
const maxBoardsLength = 131_072;
/** A number that a double does not hold as it is written, such as `1e-400`: the database would refuse to read it. */
const oddNumber = /[:[,]-?(?:[\d.]{25}|[\d.]{1,24}[eE])/;

/**
 * `details` of plain text and numbers, three levels deep. Numbers a double holds as they are written; text
 * that needs no cleaning. Every alternative begins with another character, so that it is linear.
 */
const detailsValue = ((): RegExp => {
  const name = '"[a-z][a-z0-9_]{0,63}"';
  const scalar = '(?:"[ !#-\\[\\]-~]{0,1000}"|(?:0|-?[1-9]\\d{0,14})(?:\\.\\d{1,6})?|null|true|false)';
  const object = `\\{(?:${name}:${scalar}(?:,${name}:${scalar})*)?\\}`;
  const list = `\\[(?:(?:${object}|${scalar})(?:,(?:${object}|${scalar}))*)?\\]`;
  const member = `${name}:(?:${scalar}|${list}|${object})`;
  return new RegExp(`\\{${member}(?:,${member})*\\}`, 'y');
})();

/**
 * Reads a record of plain layout: null for any other one, which says nothing about it. Throws
 * `SyntaxError` when it is no JSON.
 *
 * What is cut out stands in the record itself and nowhere deeper, or it is not cut out: no brace comes
 * before `boards`, no other `boards` after; `details` is a whole object, and what follows it ends the record.
 */
export function readOwnRecord(text: string): OwnRecord | null {
  if (!text.endsWith(afterDetails) || text.includes('\\')) return null;
  const boardsAt = text.indexOf(boardsStart);
  if (boardsAt === -1 || text.lastIndexOf('{', boardsAt) !== 0) return null;
  const boardsFrom = boardsAt + boardsStart.length - 1;
  const boardsTo = text[boardsFrom + 1] === ']' ? boardsFrom + 2 : text.indexOf('}]', boardsFrom) + 2;
  if (!text.startsWith(afterBoards, boardsTo)) return null;
  if (boardsTo - boardsFrom > maxBoardsLength || text.includes('"boards"', boardsTo)) return null;
  const detailsAt = detailsFrom(text, boardsTo);
  if (detailsAt === -1) return null;
  const record = JSON.parse(`${text.slice(0, detailsAt)}}`) as JsonObject;
  if ('details' in record || 'raw' in record || 'quirks' in record) return null;
  const boardsText = text.slice(boardsFrom, boardsTo);
  if (oddNumber.test(boardsText)) return null;
  const detailsText = text.slice(detailsAt + detailsStart.length - 1, -afterDetails.length);
  return { record, boardsText, detailsText: detailsText === 'null' ? null : detailsText };
}

/** Where the member `details` begins, with its comma; -1 when it is not plain. */
function detailsFrom(text: string, from: number): number {
  if (text.endsWith(noDetails)) return text.length - noDetails.length;
  if (!text.endsWith(plainDetails)) return -1;
  const at = text.indexOf(detailsStart, from);
  const to = text.length - afterDetails.length;
  if (at === -1 || to - at > maxDetailsLength) return -1;
  detailsValue.lastIndex = at + detailsStart.length - 1;
  return detailsValue.test(text) && detailsValue.lastIndex === to ? at : -1;
}

/** True when boards were read as they were sent: every value the same, none more, none less. */
export function areAsSent(boards: readonly JsonObject[], sent: unknown): boolean {
  if (!Array.isArray(sent) || sent.length !== boards.length) return false;
  return boards.every((board, index) => isAsSent(board, sent[index] as JsonObject));
}

function isAsSent(board: JsonObject, sent: JsonObject): boolean {
  let names = 0;
  for (const name in board) {
    const [mine, theirs] = [board[name], sent[name]];
    if (mine !== theirs && !(Array.isArray(mine) && Array.isArray(theirs) && areAlike(mine, theirs)))
      return false;
    names += 1;
  }
  return names === Object.keys(sent).length;
}

function areAlike(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}

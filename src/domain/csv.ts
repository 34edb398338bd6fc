/** A cell of CSV. */
export type CsvCell = string | number | boolean | null;

/**
 * One line of CSV (RFC 4180) with its end. A text that a spreadsheet would run as a formula gets an
 * apostrophe before it; null is an empty cell.
 */
export function csvLine(cells: readonly CsvCell[]): string {
  return `${cells.map(writeCell).join(',')}\r\n`;
}

function writeCell(cell: CsvCell): string {
  if (cell === null) return '';
  if (typeof cell !== 'string') return String(cell);
  const text = /^[\s]*[=+\-@]|^[\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A line of a CSV file: its cells, and the number of its first line in the file. */
export interface CsvRow {
  readonly line: number;
  readonly cells: readonly string[];
}

/**
 * Reads CSV (RFC 4180; commas or semicolons, as the first line has; a byte-order mark and either line
 * end are fine). Blank lines are left out. A quote that does not end gives a row with what follows it.
 */
export function parseCsv(text: string): CsvRow[] {
  const body = text.replace(/^\uFEFF/, '');
  const head = /^[^\r\n]*/.exec(body)?.[0] ?? '';
  const separator = !head.includes(',') && head.includes(';') ? ';' : ',';
  const rows: CsvRow[] = [];
  let cells: string[] = [];
  let cell = '';
  let isQuoted = false;
  let line = 1;
  let startLine = 1;
  const endRow = (): void => {
    cells.push(cell.trim());
    if (cells.some((value) => value !== '')) rows.push({ line: startLine, cells });
    cells = [];
    cell = '';
  };
  for (let index = 0; index < body.length; index++) {
    const letter = body[index] as string;
    if (letter === '\n') line++;
    if (isQuoted) {
      if (letter !== '"') cell += letter;
      else if (body[index + 1] === '"') {
        cell += '"';
        index++;
      } else isQuoted = false;
    } else if (letter === '"' && cell.trim() === '') {
      cell = '';
      isQuoted = true;
    } else if (letter === separator) {
      cells.push(cell.trim());
      cell = '';
    } else if (letter === '\n') {
      endRow();
      startLine = line;
    } else if (letter !== '\r') cell += letter;
  }
  endRow();
  return rows;
}

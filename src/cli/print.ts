/**
 * Writes one line (or lines) to stdout. What miners send may hold control characters that a terminal
 * obeys; they are written as `\u001b`, which within JSON means the same.
 */
export function print(text: string): void {
  process.stdout.write(`${visible(text)}\n`);
}

/** Text with every control character but newline and tab written as an escape. */
export function visible(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

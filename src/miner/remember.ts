/** Texts whose reading is kept; past it all are forgotten and read again. */
const maxRemembered = 1000;

/**
 * Keeps what `read` made of a text. For texts that thousands of machines tell alike at every poll, such as
 * types and versions: looking one up costs a tenth of its patterns. `read` must depend on nothing else.
 */
export function remember<T>(read: (text: string) => T): (text: string) => T {
  const known = new Map<string, { readonly value: T }>();
  return (text) => {
    const found = known.get(text);
    if (found !== undefined) return found.value;
    const value = read(text);
    if (known.size >= maxRemembered) known.clear();
    known.set(ownText(text), { value });
    return value;
  };
}

// Up to this length a cut-out string is a copy; a longer one keeps the text it was cut from in memory (V8).
const longestCopied = 12;

/** The same text, not holding on to the reply it was cut from: for what is kept. */
export function ownText(text: string): string {
  return text.length > longestCopied ? Buffer.from(text, 'utf8').toString('utf8') : text;
}

/** A copy of the settings that may be shown: of keys their beginning, of URLs all but the password. */
export function masked(value: unknown, name = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => masked(item));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, masked(child, key)]));
  if (typeof value !== 'string') return value;
  if (name === 'password' || name === 'client_secret' || name === 'cookie_secret' || name === 'value')
    return '…';
  if (name === 'key') return maskedKey(value);
  return name === 'url' ? maskedUrl(value) : value;
}

/** The part that `headframe keys list` shows too; nothing of what is too short to be a key. */
const maskedKey = (key: string): string => (key.length < 24 ? '…' : `${key.slice(0, 8)}…`);

/** Passwords stand before the last `@`, or in the query. */
export function maskedUrl(url: string): string {
  return url
    .replace(/\/\/([^:/@]*):[^\s]*@/, '//$1:…@')
    .replace(/([?&][^=&]*(?:password|secret|token|key)[^=&]*=)[^&\s]*/gi, '$1…');
}

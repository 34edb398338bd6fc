import { describe, expect, it } from 'vitest';
import { withoutPasswords } from '../../workers/transport.js';

describe('a web reply that is kept', () => {
  it.each(['pass', 'pool_password', 'Mpassword3', 'wifi psk', 'jwt', 'pwd'])('has no %s', (name) => {
    const kept = withoutPasswords(Buffer.from(`{"${name}":"hun\\"ter2","url":"a.example"}`)).toString();
    expect(kept).toBe(`{"${name}":"***","url":"a.example"}`);
  });

  it('is as it was where it tells none', () => {
    const bytes = Buffer.from('{"bypass":"yes","Mpassage":"x","password_set":true}');
    expect(withoutPasswords(bytes)).toBe(bytes);
  });
});

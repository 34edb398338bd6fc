// `npm start`: installs and builds what is missing, then runs `headframe demo` in this process.
import { ensure, fail } from './ensure.mjs';

await ensure().catch(fail);
process.argv.splice(2, 0, 'demo');
await import('../dist/src/main.js');

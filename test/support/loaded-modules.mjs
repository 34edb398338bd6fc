// Preloaded by a test into a process: at its end it writes down the modules that were loaded.
import { writeFileSync } from 'node:fs';
import Module from 'node:module';
import { isMainThread } from 'node:worker_threads';

if (isMainThread)
  process.on('exit', () => writeFileSync(process.env.LOADED_MODULES, Object.keys(Module._cache).join('\n')));

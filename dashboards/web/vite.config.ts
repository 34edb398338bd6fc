import { defineConfig } from 'vite';

/** Where `vite dev` finds the api; a build needs none. */
const api = 'http://127.0.0.1:8080';

export default defineConfig({
  root: import.meta.dirname,
  server: { proxy: { '/api': api } },
  build: {
    outDir: '../../dist/web',
    emptyOutDir: true,
    target: 'es2022',
    // Everything stays a file of its own: the page's content policy allows no inline or data: sources.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});

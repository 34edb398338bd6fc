import { duration, hashrate, text } from './format.js';
import type { HashratePoint } from './stream.js';

const WIDTH = 400;
const HEIGHT = 60;
/** The scale never spans less than this share of the highest value: quiet must look quiet. */
const LEAST_SPAN = 0.02;

/** Points of the line in the picture's own units; empty for fewer than two. */
export function linePoints(history: readonly HashratePoint[]): readonly (readonly [x: number, y: number])[] {
  const first = history[0];
  const last = history.at(-1);
  if (first === undefined || last === undefined || last.at <= first.at) return [];
  const values = history.map((point) => point.ths);
  const high = Math.max(...values);
  const low = Math.min(...values);
  const slack = Math.max(0, high * LEAST_SPAN - (high - low)) / 2;
  const span = high - low + 2 * slack || 1;
  return history.map(({ at, ths }) => [
    ((at - first.at) / (last.at - first.at)) * WIDTH,
    HEIGHT - 3 - ((ths - low + slack) / span) * (HEIGHT - 6),
  ]);
}

/** The site's hashrate since the page was loaded. */
export function Sparkline({ history }: { readonly history: readonly HashratePoint[] }) {
  const points = linePoints(history);
  if (points.length === 0) return <p class="spark-note">Drawing the hashrate from now on…</p>;
  const line = points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ');
  const values = history.map((point) => point.ths);
  const span = duration((history.at(-1)!.at - history[0]!.at) / 1000);
  const low = text(hashrate(Math.min(...values)));
  const high = text(hashrate(Math.max(...values)));
  return (
    <figure class="spark">
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`Hashrate of the last ${span}: between ${low} and ${high}`}
      >
        <polygon class="spark-area" points={`0,${HEIGHT} ${line} ${WIDTH},${HEIGHT}`} />
        <polyline class="spark-line" points={line} />
      </svg>
      <figcaption>
        last {span} · {low === high ? low : `${low} – ${high}`}
      </figcaption>
    </figure>
  );
}

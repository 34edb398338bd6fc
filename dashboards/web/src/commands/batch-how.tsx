/** How a batch goes through its miners, as it is typed. */
export interface How {
  readonly isInWaves: boolean;
  readonly waveSize: string;
  readonly pauseS: string;
  readonly maxFailedPercent: string;
}

/** In waves, for most of what is told to many pauses their hashing. */
export const newHow: How = { isInWaves: true, waveSize: '50', pauseS: '60', maxFailedPercent: '20' };

/** The fields as the api takes them, or what is wrong with them in words. */
export function howBody({ isInWaves, waveSize, pauseS, maxFailedPercent }: How): object | string {
  const [size, pause, most] = [waveSize, pauseS, maxFailedPercent].map((text) =>
    text.trim() === '' ? NaN : Number(text),
  ) as [number, number, number];
  if (!(most >= 0 && most <= 100)) return 'Stop past: 0 to 100 percent';
  if (!isInWaves) return { wave_size: null, max_failed_percent: most };
  if (!(Number.isInteger(size) && size >= 1)) return 'At a time: a whole number of 1 or more';
  if (!(Number.isInteger(pause) && pause >= 0 && pause <= 86_400)) return 'Pause: 0 to 86,400 seconds';
  return { wave_size: size, pause_s: pause, max_failed_percent: most };
}

interface BatchHowProps {
  readonly how: How;
  readonly change: (patch: Partial<How>) => void;
}

/** Waves, the pause between them, and when to stop. */
export function BatchHow({ how, change }: BatchHowProps) {
  const field = (name: keyof How & string, label: string, value: string) => (
    <label>
      {label}
      <input
        name={name}
        type="number"
        min={0}
        value={value}
        onInput={({ currentTarget }) => change({ [name]: currentTarget.value })}
      />
    </label>
  );
  return (
    <fieldset class="batch-how">
      <legend>How</legend>
      <label class="check">
        <input
          type="checkbox"
          name="waves"
          checked={how.isInWaves}
          onChange={({ currentTarget }) => change({ isInWaves: currentTarget.checked })}
        />
        In waves
      </label>
      <div class="order-pair">
        {how.isInWaves && field('waveSize', 'At a time', how.waveSize)}
        {how.isInWaves && field('pauseS', 'Pause between, s', how.pauseS)}
        {field('maxFailedPercent', 'Stop past, % failed or worse', how.maxFailedPercent)}
      </div>
    </fieldset>
  );
}

import { Actor } from '../actor/actor.js';
import type { Batch } from './spool.js';
import { postTraced } from './traced-upload.js';
import { parseBatchName } from './spool-name.js';
import { UploadGate } from './upload-backoff.js';
import type { UploadOutcome } from './upload-client.js';
import { claimOldest, isMergeable, mergeBatches, MergeSize, takeFresh } from './upload-merge.js';
import { defaultUploaderOptions, type UploaderOptions } from './upload-options.js';
import { UploadSettler, type Definite } from './upload-outcome.js';
import { Deferrals, LiveBuffer, type HeldBatch } from './upload-queue.js';

/** For status lines. */
export interface UploaderStatus {
  readonly gate: 'open' | 'failing' | 'refused';
  readonly uploading: number;
  readonly liveBatches: number;
  readonly liveBytes: number;
}

/**
 * Delivers batches: to the spool first, then at once to the api; the backlog with what is left. Small
 * ones that have to wait go several to a request.
 *
 * A batch is offered → written (or, on a full spool, held in memory only) → uploading → ended, or back
 * to the spool after a failure. While the api fails, one request at a time probes it. States of the
 * uploader: `running` → `stopping` (stop called) → `stopped`.
 */
export class Uploader {
  readonly #options: UploaderOptions & typeof defaultUploaderOptions;
  readonly #gate: UploadGate;
  readonly #live: LiveBuffer;
  readonly #deferrals: Deferrals;
  readonly #settler: UploadSettler;
  readonly #merge: MergeSize;
  readonly #unspooled = new Set<HeldBatch>();
  readonly #inbox: Actor<HeldBatch>;
  readonly #writes = new Set<Promise<void>>();
  readonly #uploads = new Set<Promise<void>>();
  readonly #abort = new AbortController();
  #backlogUploads = 0;
  #isRunning = true;
  #timer: NodeJS.Timeout | undefined;
  #tendTimer: NodeJS.Timeout | undefined;
  #tending: Promise<void> | null = null;
  #stopped: Promise<void> | null = null;

  constructor(options: UploaderOptions) {
    this.#options = {
      ...defaultUploaderOptions,
      ...options,
      concurrency: Math.min(options.concurrency ?? defaultUploaderOptions.concurrency, 32),
    };
    const { backoff, random, maxDeferred, liveBufferBytes, ledger, inboxBatches, onEscalate, log, metrics } =
      this.#options;
    this.#gate = new UploadGate(backoff, random);
    this.#merge = new MergeSize(this.#options.merge);
    this.#live = new LiveBuffer(liveBufferBytes);
    this.#deferrals = new Deferrals({ limit: maxDeferred, backoff, random });
    this.#settler = new UploadSettler({ ...this.#options, unspooled: this.#unspooled });
    this.#inbox = new Actor<HeldBatch>({
      name: 'spooler',
      mailboxSize: inboxBatches,
      create: () => ({
        receive: (held) => this.#write(held),
        stop: async () => void (await Promise.all(this.#writes)),
      }),
      onCrash: (err) => {
        log.error({ err }, 'spooler crashed');
        metrics.add('headframe_actor_restarts_total', 1, { actor: 'spooler' });
      },
      onEscalate,
    });
    ledger.trackInFlight(() => [...this.#unspooled].reduce((sum, { batch }) => sum + batch.rows, 0));
    ledger.trackKeyRefused(() => this.#gate.state === 'refused');
  }

  /** Begins with the backlog; batches may be offered before. */
  start(): void {
    this.#tendTimer = setInterval(() => this.#tend(), this.#options.tendMs);
    this.#tend();
  }

  /**
   * Takes over a batch and its rows. False when too many wait for the disk, or when stopping: the rows
   * are still the caller's, who waits or counts them as dropped.
   */
  offer(batch: Batch): boolean {
    const held: HeldBatch = { batch, name: null };
    if (this.#isRunning && this.#inbox.tell(held)) {
      this.#unspooled.add(held);
      return true;
    }
    this.#options.metrics.add('headframe_mailbox_shed_total', 1, { actor: this.#inbox.name });
    return false;
  }

  status(): UploaderStatus {
    return {
      gate: this.#gate.state,
      uploading: this.#uploads.size,
      liveBatches: this.#live.batches,
      liveBytes: this.#live.bytes,
    };
  }

  /**
   * Idempotent. Takes nothing more, writes what was offered, finishes the requests under way (aborts
   * them after `deadlineMs`), and leaves the rest in the spool.
   */
  stop(options: { deadlineMs: number }): Promise<void> {
    this.#stopped ??= this.#stop(options.deadlineMs);
    return this.#stopped;
  }

  async #stop(deadlineMs: number): Promise<void> {
    this.#isRunning = false;
    clearInterval(this.#tendTimer);
    clearTimeout(this.#timer);
    const timer = setTimeout(() => this.#abort.abort(), deadlineMs);
    await this.#inbox.stop({ drain: true, deadlineMs });
    await Promise.all(this.#uploads);
    clearTimeout(timer);
    await this.#tending;
    for (const held of [...this.#unspooled]) {
      if (!(await this.#spool(held, true))) this.#drop(held, 'shutdown');
    }
    await this.#options.client.close();
  }

  #tend(): void {
    const { spool, now, log } = this.#options;
    this.#tending ??= spool
      .tend(now())
      .catch((err: unknown) => log.error({ err }, 'cannot tend the spool'))
      .finally(() => {
        this.#tending = null;
        this.#pump();
      });
  }

  /** One message of the inbox; several writes run at once, as the disk syncs them together. */
  async #write(held: HeldBatch): Promise<void> {
    while (this.#writes.size >= this.#options.writeConcurrency) await Promise.race(this.#writes);
    const isCrowded = this.#live.bytes > this.#options.liveBufferBytes / 2;
    const write = this.#spool(held, this.#gate.state !== 'open' || isCrowded)
      .then((isSpooled) => {
        if (isSpooled || this.#unspooled.has(held)) this.#shed(this.#live.push(held));
      })
      .finally(() => this.#writes.delete(write));
    this.#writes.add(write);
    this.#pump();
  }

  /** True when the batch is in the spool now and waits for its upload. */
  async #spool(held: HeldBatch, mayEvict: boolean): Promise<boolean> {
    try {
      const onSettled = (result: { kind: string; name?: string }): void => {
        if (result.kind === 'full') return;
        held.name = result.name ?? null;
        this.#unspooled.delete(held);
      };
      const result = await this.#options.spool.put(held.batch, { mayEvict, onSettled });
      return result.kind === 'spooled';
    } catch (err) {
      this.#options.log.error({ err }, 'spool failed');
      return false;
    }
  }

  /** Batches that lost their place in memory are in the spool, or lost. */
  #shed(held: readonly HeldBatch[]): void {
    for (const one of held) if (one.name === null) this.#drop(one, 'live_buffer_full');
    this.#pump();
  }

  #drop(held: HeldBatch, reason: string): void {
    if (this.#unspooled.delete(held)) this.#options.ledger.drop(reason, held.batch.rows);
  }

  /** Starts as many uploads as the gate allows. */
  #pump(): void {
    while (this.#isRunning) {
      const limit = this.#gate.allowed(this.#options.monotonicMs(), this.#options.concurrency);
      if (this.#uploads.size >= limit || !this.#startOne(limit)) break;
    }
    this.#schedule();
  }

  #startOne(limit: number): boolean {
    const fresh = takeFresh(this.#live, this.#options.spool, this.#merge);
    if (fresh.length > 0) {
      this.#run(this.#upload(fresh));
      return true;
    }
    if (this.#backlogUploads >= Math.max(1, limit - 1)) return false;
    const names = this.#claimBacklog();
    if (names.length === 0) return false;
    this.#backlogUploads++;
    this.#run(this.#uploadFiles(names).finally(() => this.#backlogUploads--));
    return true;
  }

  #claimBacklog(): string[] {
    const { spool, monotonicMs } = this.#options;
    const nowMs = monotonicMs();
    if (spool.needsRefill) {
      void spool.refill().then((isListed) => (isListed ? this.#pump() : undefined));
      return [];
    }
    const names = claimOldest(spool, this.#merge, (name) => this.#deferrals.isDeferred(name, nowMs));
    if (names.length > 0 || this.#gate.state === 'open') return names;
    return claimOldest(spool, this.#merge);
  }

  #run(upload: Promise<void>): void {
    const task = upload
      .catch((err: unknown) => this.#options.log.error({ err }, 'upload failed'))
      .finally(() => {
        this.#uploads.delete(task);
        this.#pump();
      });
    this.#uploads.add(task);
  }

  /** Those that cannot be joined go one at a time: the first now. */
  async #uploadFiles(names: readonly string[]): Promise<void> {
    const held = (await Promise.all(names.map((name) => this.#read(name)))).filter((one) => one !== null);
    if (held.length < 2 || held.every(({ batch }) => isMergeable(batch))) return this.#upload(held);
    this.#merge.fail();
    for (const { name } of held.slice(1)) if (name !== null) this.#options.spool.release(name);
    return this.#upload(held.slice(0, 1));
  }

  /** A batch of the spool; null when its file is gone, bad, or not to be read now, and that is seen to. */
  async #read(name: string): Promise<HeldBatch | null> {
    const { spool } = this.#options;
    const facts = parseBatchName(name);
    const file = await spool.read(name);
    if (file.kind === 'gone') spool.forget(name);
    else if (file.kind === 'later') this.#postpone(name, file.error);
    else if (file.kind === 'bad' || facts === null) {
      const reason = file.kind === 'bad' ? file.reason : 'bad_name';
      if (!(await spool.quarantine(name, reason))) this.#postpone(name, reason);
    } else {
      const { timeMs: slotMs, bytes: _bytes, ...rest } = facts;
      return { batch: { ...rest, slotMs, gz: file.gz }, name };
    }
    return null;
  }

  /** The disk, not the api, is in trouble; the gate keeps this from spinning. */
  #postpone(name: string, err: unknown): void {
    const { spool, log, monotonicMs } = this.#options;
    log.warn({ err, name }, 'cannot read or move a batch now');
    this.#gate.fail(this.#gate.epoch, monotonicMs(), null);
    this.#deferrals.add(name, monotonicMs());
    spool.release(name);
  }

  /** One request. Several batches are all in the spool, and end together or are all given back. */
  async #upload(group: readonly HeldBatch[]): Promise<void> {
    const { client, key, metrics, monotonicMs, log } = this.#options;
    const [first] = group;
    if (first === undefined) return;
    const batch = group.length === 1 ? first.batch : mergeBatches(group.map((held) => held.batch));
    const epoch = this.#gate.epoch;
    try {
      const outcome = await postTraced(client, { key: key(), signal: this.#abort.signal }, batch, group);
      metrics.add('headframe_uploads_total', 1, { outcome: labelOf(outcome) });
      this.#logChange(outcome);
      if (outcome.kind === 'acked') this.#merge.succeed();
      else this.#merge.fail();
      if (outcome.kind === 'key_refused') this.#gate.refuse(monotonicMs());
      else if (outcome.kind === 'retry') this.#gate.fail(epoch, monotonicMs(), outcome.retryAfterMs);
      else {
        this.#gate.succeed();
        if (group.length === 1 && (await this.#settle(first, outcome))) return;
        if (group.length > 1 && outcome.kind === 'acked') return await this.#settleAll(group, batch, outcome);
      }
    } catch (err) {
      log.error({ err, batchId: batch.batchId }, 'upload failed');
      this.#gate.fail(epoch, monotonicMs(), null);
    }
    for (const held of group) await this.#giveBack(held);
  }

  /** False when the batch has to be sent again. */
  async #settle(held: HeldBatch, outcome: Definite): Promise<boolean> {
    const settled = await this.#settler.settle(held, outcome);
    if (settled.kind === 'kept') return false;
    if (settled.kind === 'parts') for (const part of settled.parts) this.#shed(this.#live.push(part));
    if (held.name !== null) this.#deferrals.delete(held.name);
    return true;
  }

  /** The rows are counted as one batch's, and its files leave the spool with them. */
  async #settleAll(group: readonly HeldBatch[], batch: Batch, outcome: Definite): Promise<void> {
    await this.#settler.settle({ batch, name: null }, outcome);
    const names = group.map(({ name }) => name).filter((name) => name !== null);
    for (const name of names) this.#deferrals.delete(name);
    await Promise.all(names.map((name) => this.#options.spool.remove(name)));
  }

  /** After a failure: behind the others in the spool, or, when it has no file, there or in memory. */
  async #giveBack(held: HeldBatch): Promise<void> {
    const { spool, monotonicMs } = this.#options;
    if (held.name !== null) {
      this.#deferrals.add(held.name, monotonicMs());
      spool.release(held.name);
    } else if (this.#unspooled.has(held) && !(await this.#spool(held, true)) && this.#unspooled.has(held)) {
      this.#shed(this.#live.pushOldest(held));
    }
  }

  /** Quiet when healthy, and while failing: only changes are said. */
  #logChange(outcome: UploadOutcome): void {
    const { log } = this.#options;
    const isBad = outcome.kind === 'retry' || outcome.kind === 'key_refused';
    if (isBad && this.#gate.state === 'open')
      log.warn({ outcome }, 'upload failed, batches stay in the spool');
    else if (outcome.kind === 'key_refused' && this.#gate.state !== 'refused')
      log.error({ outcome }, 'key refused');
    else if (!isBad && this.#gate.state !== 'open') log.info('uploads resumed');
  }

  /** Wakes when a probe may start, or when a deferred batch's wait is over. */
  #schedule(): void {
    clearTimeout(this.#timer);
    if (!this.#isRunning) return;
    const nowMs = this.#options.monotonicMs();
    const nextMs = this.#gate.state === 'open' ? this.#deferrals.nextMs(nowMs) : this.#gate.untilMs;
    if (nextMs === null || nextMs <= nowMs) return;
    this.#timer = setTimeout(() => this.#pump(), Math.ceil(nextMs - nowMs));
  }
}

function labelOf(outcome: UploadOutcome): string {
  return outcome.kind === 'acked' && outcome.isDuplicateBatch ? 'duplicate' : outcome.kind;
}

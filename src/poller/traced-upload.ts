import { causedBy, inSpan, traceHeaders } from '../telemetry/tracing.js';
import type { Batch } from './spool.js';
import type { UploadClient, UploadOutcome } from './upload-client.js';

/** Sends a batch that is made of `parts`, in a span that carries on from theirs, here and in the api. */
export function postTraced(
  client: Pick<UploadClient, 'postBatch'>,
  request: { key: string; signal: AbortSignal },
  batch: Batch,
  parts: readonly { readonly batch: Batch }[],
): Promise<UploadOutcome> {
  const causes = causedBy(parts.map((part) => part.batch.trace));
  const attributes = { 'headframe.rows': batch.rows, 'headframe.batch_id': batch.batchId };
  return inSpan('upload', { ...causes, kind: 'client', attributes }, async (span) => {
    const { batchId, slotMs, gz: body } = batch;
    const outcome = await client.postBatch({ ...request, batchId, slotMs, body, trace: traceHeaders() });
    span.setAttribute('headframe.outcome', outcome.kind);
    return outcome;
  });
}

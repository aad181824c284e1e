/** Governs one batch under every live agreement of its dataset, with one process span that links to the producers' contexts. */
import { Controller } from '@nestjs/common';
import { MessagePattern } from '@nestjs/microservices';
import type { SpanContext } from '@opentelemetry/api';
import type { ProgramOutput } from '../../libs/govern/index.ts';
import { createOutput, governBatch, screenBatch } from '../../libs/govern/index.ts';
import type { HeaderList, RecordFrames } from '../../libs/records/index.ts';
import { readHeaders, sharedArena } from '../../libs/records/index.ts';
import {
  attributeNames,
  endSpan,
  readTraceparent,
  spanLinksMax,
  spanNames,
  startBatchSpan,
  startGovernedSpan,
  writeTraceparent,
} from '../../libs/telemetry/index.ts';
import type { GovernRequest } from './govern-request.ts';
import { governPattern } from './govern-request.ts';

/** Working space of a run; a Program stops at a full output and goes on after it was emptied. */
const outputBytesMax = 4 * 1024 * 1024;
const outputRecordsMin = 8_192;

@Controller()
export class GovernController {
  #output = createOutput(outputRecordsMin, outputBytesMax);

  @MessagePattern(governPattern)
  govern(request: GovernRequest): void {
    const { frames, first, board, draft, topic, partition } = request;
    const screening = screenBatch(frames, request.verdicts);
    const processSpan = startBatchSpan({
      name: `${spanNames.process} ${topic}`,
      links: contextsOf(frames, first),
      attributes: {
        [attributeNames.messagingSystem]: 'kafka',
        [attributeNames.messagingOperation]: 'process',
        [attributeNames.messagingDestination]: topic,
        [attributeNames.messagingPartition]: String(partition),
        [attributeNames.messagingBatchCount]: frames.count - first,
        [attributeNames.offsetFirst]: String(frames.baseOffset),
        [attributeNames.dataset]: draft.dataset,
      },
    });
    // One copy into the arena serves every agreement; a batch that is too large for it is taken in parts by each Program.
    const arena = sharedArena();
    const fits = arena.fits(frames);
    const placed = fits ? arena.admit(frames) : frames;
    const output = fits ? arena.output : this.#outputFor(frames.count);
    for (const agreement of board.agreements) {
      const { span, context } = startGovernedSpan(processSpan, spanNames.publish, {
        [attributeNames.agreement]: agreement.agreement,
      });
      const headers: HeaderList = context === null ? [] : writeTraceparent([], context);
      governBatch(placed, first, screening, agreement, output, draft.sink(agreement, { partition, frames }, headers));
      endSpan(span);
    }
    arena.dismiss();
    endSpan(processSpan);
  }

  #outputFor(records: number): ProgramOutput {
    if (records > this.#output.outcome.length) this.#output = createOutput(records, outputBytesMax);
    return this.#output;
  }
}

/** The producers' contexts of the first records, as many as a span links. */
function contextsOf(frames: RecordFrames, first: number): (SpanContext | null)[] {
  const contexts: (SpanContext | null)[] = [];
  for (let index = first; index < frames.count && contexts.length < spanLinksMax; index += 1) {
    const headers = readHeaders(frames, index) ?? [];
    contexts.push(readTraceparent(headers.flatMap(([name, value]) => (value === null ? [] : [[name, value] as const]))));
  }
  return contexts;
}

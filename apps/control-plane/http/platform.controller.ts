/** Health, readiness, and the documents that describe the API and the topics. */
import { Controller, Get, Inject } from '@nestjs/common';
import { z } from 'zod';

import type { Result } from '../../../libs/base/index.ts';
import { unwrap } from '../../../libs/base/index.ts';
import { OpenRoute } from './account-guard.ts';
import { Describe } from './describe.ts';
import { documentsToken, readinessToken } from './tokens.ts';

const statusAnswer = z.strictObject({ status: z.literal('ok') }).meta({ id: 'Status' });

/** Asks what the role cannot work without; a failure names what does not answer. */
export type Readiness = () => Promise<Result<void>>;

/** What is served as it stands in `proto-schemas`. */
export interface Documents {
  readonly openApi: unknown;
  readonly asyncApi: unknown;
}

@Controller()
export class PlatformController {
  readonly #readiness: Readiness;
  readonly #documents: Documents;

  constructor(@Inject(readinessToken) readiness: Readiness, @Inject(documentsToken) documents: Documents) {
    this.#readiness = readiness;
    this.#documents = documents;
  }

  /** The process answers. */
  @Get('health')
  @Describe({ id: 'health', summary: 'The process answers', tag: 'platform', answer: statusAnswer })
  @OpenRoute()
  health(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /** PostgreSQL and Kafka answer too. */
  @Get('ready')
  @Describe({ id: 'ready', summary: 'PostgreSQL and Kafka answer too', tag: 'platform', answer: statusAnswer })
  @OpenRoute()
  async ready(): Promise<{ status: 'ok' }> {
    unwrap(await this.#readiness());
    return { status: 'ok' };
  }

  @Get('v1/openapi.json')
  @Describe({ id: 'openApi', summary: 'This document', tag: 'platform', answer: z.record(z.string(), z.unknown()) })
  @OpenRoute()
  openApi(): unknown {
    return this.#documents.openApi;
  }

  @Get('v1/asyncapi.json')
  @Describe({
    id: 'asyncApi',
    summary: 'The topics, as AsyncAPI 3',
    tag: 'platform',
    answer: z.record(z.string(), z.unknown()),
  })
  @OpenRoute()
  asyncApi(): unknown {
    return this.#documents.asyncApi;
  }
}

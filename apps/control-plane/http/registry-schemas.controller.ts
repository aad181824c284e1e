/** Confluent registry API: schemas by id, types, mode. Source: Confluent Platform, "Schema Registry API Reference". */
import { Controller, Get, Inject, Param, Put, UseInterceptors } from '@nestjs/common';

import type { SubjectVersion } from '../../../libs/adapters/postgres/index.ts';
import { unwrap } from '../../../libs/base/index.ts';
import type { ControlPlane } from '../plane.ts';
import { NeedsScope } from './account-guard.ts';
import { registryErrors } from './registry-error.ts';
import { RegistryReply } from './registry-reply.ts';
import { planeToken } from './tokens.ts';

@Controller('registry')
@NeedsScope('registry')
@UseInterceptors(RegistryReply)
export class RegistrySchemasController {
  readonly #plane: ControlPlane;

  constructor(@Inject(planeToken) plane: ControlPlane) {
    this.#plane = plane;
  }

  @Get()
  root(): object {
    return {};
  }

  @Get('schemas/types')
  types(): string[] {
    return ['AVRO'];
  }

  @Get('schemas/ids/:id')
  async schema(@Param('id') id: string): Promise<{ schema: string }> {
    return { schema: await this.#text(id) };
  }

  @Get('schemas/ids/:id/schema')
  text(@Param('id') id: string): Promise<string> {
    return this.#text(id);
  }

  @Get('schemas/ids/:id/versions')
  async versions(@Param('id') id: string): Promise<{ subject: string; version: number }[]> {
    return (await this.#versions(id)).map(({ subject, version }) => ({ subject, version }));
  }

  @Get('schemas/ids/:id/subjects')
  async subjects(@Param('id') id: string): Promise<string[]> {
    return [...new Set((await this.#versions(id)).map(({ subject }) => subject))];
  }

  @Get('mode')
  mode(): { mode: string } {
    return { mode: 'READWRITE' };
  }

  @Get('mode/:subject')
  modeOfSubject(): { mode: string } {
    return { mode: 'READWRITE' };
  }

  @Put('mode')
  putMode(): never {
    throw registryErrors.modeFixed();
  }

  @Put('mode/:subject')
  putModeOfSubject(): never {
    throw registryErrors.modeFixed();
  }

  async #text(id: string): Promise<string> {
    const schema = await this.#plane.schemas.schemaById(schemaId(id));
    if (!schema.ok && schema.failure.code === 'schema-unknown') throw registryErrors.schemaNotFound(id);
    return unwrap(schema);
  }

  async #versions(id: string): Promise<SubjectVersion[]> {
    await this.#text(id);
    return unwrap(await this.#plane.database.stores.schemas.versionsOfSchema(schemaId(id), { deleted: false }));
  }
}

function schemaId(text: string): number {
  if (!/^\d{1,10}$/.test(text) || Number(text) > 0x7fffffff) throw registryErrors.schemaNotFound(text.slice(0, 20));
  return Number(text);
}

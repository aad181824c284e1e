/** Confluent registry API: compatibility checks and levels. */
import { Controller, Delete, Get, HttpCode, Inject, Param, Post, Put, Query, Req, UseInterceptors } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

import type { SubjectVersion } from '../../../libs/adapters/postgres/index.ts';
import type { CompatibilityLevel } from '../../../libs/avro/index.ts';
import { unwrap } from '../../../libs/base/index.ts';
import { requireOperator } from '../caller.ts';
import { mayWriteSubject } from '../commands/register-schema.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import { defaultLevel, parseLevel } from '../schemas/compatibility-level.ts';
import type { LocalAuthority } from '../schemas/local-authority.ts';
import { CurrentCaller, NeedsScope } from './account-guard.ts';
import { levelInput } from './inputs.ts';
import { readJson } from './read-body.ts';
import { registryErrors } from './registry-error.ts';
import { readCanonical, subjectName } from './registry-input.ts';
import { isTrue, RegistryReply } from './registry-reply.ts';
import { findVersion, versionsOf } from './registry-versions.ts';
import { localAuthorityToken, planeToken } from './tokens.ts';

const smallBytesMax = 16 * 1024;
/** Name of the global level in the store. */
const globalSubject = '';

interface Compatibility {
  readonly is_compatible: boolean;
  readonly messages?: readonly string[];
}

@Controller('registry')
@NeedsScope('registry')
@UseInterceptors(RegistryReply)
export class RegistryConfigController {
  readonly #plane: ControlPlane;
  readonly #authority: LocalAuthority;

  constructor(@Inject(planeToken) plane: ControlPlane, @Inject(localAuthorityToken) authority: LocalAuthority) {
    this.#plane = plane;
    this.#authority = authority;
  }

  @Post('compatibility/subjects/:subject/versions/:version')
  @HttpCode(200)
  async checkVersion(
    @Param('subject') subject: string,
    @Param('version') version: string,
    @Query('verbose') verbose: unknown,
    @Req() request: FastifyRequest,
  ): Promise<Compatibility> {
    const found = await findVersion(this.#plane, subjectName(subject), version, { deleted: false });
    return this.#check(request, subject, [found], verbose);
  }

  @Post('compatibility/subjects/:subject/versions')
  @HttpCode(200)
  async checkAll(
    @Param('subject') subject: string,
    @Query('verbose') verbose: unknown,
    @Req() request: FastifyRequest,
  ): Promise<Compatibility> {
    const versions = await versionsOf(this.#plane, subjectName(subject), { deleted: false });
    return this.#check(request, subject, versions, verbose);
  }

  @Get('config')
  async globalLevel(): Promise<{ compatibilityLevel: string }> {
    return { compatibilityLevel: (await this.#stored(globalSubject)) ?? defaultLevel };
  }

  @Put('config')
  async putGlobalLevel(@CurrentCaller() caller: Caller, @Req() request: FastifyRequest): Promise<{ compatibility: string }> {
    unwrap(requireOperator(caller));
    return this.#put(globalSubject, request);
  }

  @Delete('config')
  async deleteGlobalLevel(@CurrentCaller() caller: Caller): Promise<{ compatibilityLevel: string }> {
    unwrap(requireOperator(caller));
    return { compatibilityLevel: (await this.#remove(globalSubject)) ?? defaultLevel };
  }

  @Get('config/:subject')
  async level(
    @Param('subject') subject: string,
    @Query('defaultToGlobal') defaultToGlobal: unknown,
  ): Promise<{ compatibilityLevel: string }> {
    const level = await this.#stored(subjectName(subject));
    if (level !== null) return { compatibilityLevel: level };
    if (!isTrue(defaultToGlobal)) throw registryErrors.levelNotSet(subject);
    return this.globalLevel();
  }

  @Put('config/:subject')
  async putLevel(
    @CurrentCaller() caller: Caller,
    @Param('subject') subject: string,
    @Req() request: FastifyRequest,
  ): Promise<{ compatibility: string }> {
    unwrap(await mayWriteSubject(this.#plane, caller, subjectName(subject)));
    return this.#put(subject, request);
  }

  @Delete('config/:subject')
  async deleteLevel(@CurrentCaller() caller: Caller, @Param('subject') subject: string): Promise<{ compatibilityLevel: string }> {
    unwrap(await mayWriteSubject(this.#plane, caller, subjectName(subject)));
    const removed = await this.#remove(subject);
    if (removed === null) throw registryErrors.levelNotSet(subject);
    return { compatibilityLevel: removed };
  }

  async #check(
    request: FastifyRequest,
    subject: string,
    versions: readonly SubjectVersion[],
    verbose: unknown,
  ): Promise<Compatibility> {
    const schema = await readCanonical(request);
    const level: CompatibilityLevel = unwrap(await this.#authority.level(subject));
    const checked = this.#authority.compatible(level, schema.schema, versions);
    if (!checked.ok && checked.failure.code !== 'schema-incompatible') unwrap(checked);
    if (!isTrue(verbose)) return { is_compatible: checked.ok };
    return { is_compatible: checked.ok, messages: checked.ok ? [] : [checked.failure.message] };
  }

  async #stored(subject: string): Promise<string | null> {
    return unwrap(await this.#plane.database.stores.schemas.compatibility(subject));
  }

  async #put(subject: string, request: FastifyRequest): Promise<{ compatibility: string }> {
    const level = parseLevel((await readJson(request, smallBytesMax, levelInput)).compatibility);
    if (level === null) throw registryErrors.invalidLevel();
    unwrap(await this.#plane.database.stores.schemas.setCompatibility(subject, level));
    return { compatibility: level };
  }

  async #remove(subject: string): Promise<string | null> {
    const level = await this.#stored(subject);
    if (level !== null) unwrap(await this.#plane.database.stores.schemas.removeCompatibility(subject));
    return level;
  }
}

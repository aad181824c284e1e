/** Confluent registry API: subjects and their versions. */
import { Controller, Delete, Get, HttpCode, Inject, Param, Post, Query, Req, UseInterceptors } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

import { unwrap } from '../../../libs/base/index.ts';
import { deleteSubject, deleteVersion } from '../commands/delete-subject.ts';
import { registerSchema } from '../commands/register-schema.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import type { LocalAuthority } from '../schemas/local-authority.ts';
import { CurrentCaller, NeedsScope } from './account-guard.ts';
import { registryErrors } from './registry-error.ts';
import { readCanonical, readSchemaText, subjectName } from './registry-input.ts';
import { findVersion, versionsOf } from './registry-versions.ts';
import { isTrue, RegistryReply } from './registry-reply.ts';
import { localAuthorityToken, planeToken } from './tokens.ts';

interface VersionView {
  readonly subject: string;
  readonly version: number;
  readonly id: number;
  readonly schema: string;
}

@Controller('registry/subjects')
@NeedsScope('registry')
@UseInterceptors(RegistryReply)
export class RegistrySubjectsController {
  readonly #plane: ControlPlane;
  readonly #authority: LocalAuthority;

  constructor(@Inject(planeToken) plane: ControlPlane, @Inject(localAuthorityToken) authority: LocalAuthority) {
    this.#plane = plane;
    this.#authority = authority;
  }

  @Get()
  async subjects(@Query('deleted') deleted: unknown, @Query('subjectPrefix') prefix: unknown): Promise<string[]> {
    const subjects = unwrap(await this.#plane.database.stores.schemas.subjects({ deleted: isTrue(deleted) }));
    return typeof prefix === 'string' ? subjects.filter((subject) => subject.startsWith(prefix)) : subjects;
  }

  @Get(':subject/versions')
  async versions(@Param('subject') subject: string, @Query('deleted') deleted: unknown): Promise<number[]> {
    const versions = await versionsOf(this.#plane, subjectName(subject), { deleted: isTrue(deleted) });
    return versions.map(({ version }) => version);
  }

  @Post(':subject/versions')
  @HttpCode(200)
  async register(
    @CurrentCaller() caller: Caller,
    @Param('subject') subject: string,
    @Req() request: FastifyRequest,
  ): Promise<{ id: number }> {
    const text = await readSchemaText(request);
    return { id: unwrap(await registerSchema(this.#plane, caller, { subject: subjectName(subject), text })) };
  }

  @Post(':subject')
  @HttpCode(200)
  async lookUp(
    @Param('subject') subject: string,
    @Query('deleted') deleted: unknown,
    @Req() request: FastifyRequest,
  ): Promise<VersionView> {
    const schema = await readCanonical(request);
    await versionsOf(this.#plane, subjectName(subject), { deleted: isTrue(deleted) });
    const found = unwrap(await this.#authority.find(subject, schema, { deleted: isTrue(deleted) }));
    if (found === null) throw registryErrors.schemaNotFound('');
    return { subject, id: found.id, version: found.version, schema: found.text };
  }

  @Get(':subject/versions/:version')
  async version(
    @Param('subject') subject: string,
    @Param('version') version: string,
    @Query('deleted') deleted: unknown,
  ): Promise<VersionView> {
    const found = await findVersion(this.#plane, subjectName(subject), version, { deleted: isTrue(deleted) });
    return { subject, version: found.version, id: found.id, schema: found.text };
  }

  @Get(':subject/versions/:version/schema')
  async versionText(
    @Param('subject') subject: string,
    @Param('version') version: string,
    @Query('deleted') deleted: unknown,
  ): Promise<string> {
    return (await findVersion(this.#plane, subjectName(subject), version, { deleted: isTrue(deleted) })).text;
  }

  @Get(':subject/versions/:version/referencedby')
  async referencedBy(@Param('subject') subject: string, @Param('version') version: string): Promise<number[]> {
    await findVersion(this.#plane, subjectName(subject), version, { deleted: false });
    return [];
  }

  @Delete(':subject')
  async deleteSubject(
    @CurrentCaller() caller: Caller,
    @Param('subject') subject: string,
    @Query('permanent') permanent: unknown,
  ): Promise<number[]> {
    const name = subjectName(subject);
    const versions = await versionsOf(this.#plane, name, { deleted: true });
    const live = versions.filter((version) => !version.deleted);
    if (isTrue(permanent) && live.length > 0) throw registryErrors.subjectNotSoftDeleted(name);
    if (!isTrue(permanent) && live.length === 0) throw registryErrors.subjectSoftDeleted(name);
    const gone = (isTrue(permanent) ? versions : live).map(({ version }) => version);
    unwrap(await deleteSubject(this.#plane, caller, { subject: name, versions: gone, permanent: isTrue(permanent) }));
    return gone;
  }

  @Delete(':subject/versions/:version')
  async deleteVersion(
    @CurrentCaller() caller: Caller,
    @Param('subject') subject: string,
    @Param('version') version: string,
    @Query('permanent') permanent: unknown,
  ): Promise<number> {
    const name = subjectName(subject);
    const found = await findVersion(this.#plane, name, version, { deleted: true });
    if (isTrue(permanent) && !found.deleted) throw registryErrors.versionNotSoftDeleted(name, found.version);
    if (!isTrue(permanent) && found.deleted) throw registryErrors.versionSoftDeleted(name, found.version);
    unwrap(await deleteVersion(this.#plane, caller, { subject: name, versions: [found.version], permanent: isTrue(permanent) }));
    return found.version;
  }
}

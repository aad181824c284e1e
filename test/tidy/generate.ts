/** Writes the generated files, three pages in `docs` and the OpenAPI and AsyncAPI documents, into the repository or into the directory given as an argument. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import 'reflect-metadata';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { asyncApiDocument } from '../../apps/control-plane/events/asyncapi-document.ts';
import { controllers } from '../../apps/control-plane/http/controllers.ts';
import type { OpenApiPart } from '../../apps/control-plane/http/openapi-document.ts';
import { openApiDocument, servedRoutes } from '../../apps/control-plane/http/openapi-document.ts';
import { repositoryRoot } from '../../libs/adapters/local/index.ts';
import { errorCatalogue } from '../../libs/base/index.ts';
import { stages } from '../../libs/stages/index.ts';
import { stagesPage } from './stages-page.ts';

/** The catalogue as a page; the heading of a code is the anchor that problem documents link to. */
export function errorsPage(): string {
  const entries = Object.entries(errorCatalogue).map(
    ([code, { status, retriable, meaning }]) =>
      `## \`${code}\`\n\n${meaning}\n\nHTTP ${status}; ${retriable ? 'the same call may succeed later' : 'trying again does not help'}.\n`,
  );
  return `# Error codes\n\nMade from \`libs/base/errors.ts\` by \`npm run generate\`. Each failure has one of these codes; its message names the place.\n\n${entries.join('\n')}`;
}

interface Setting {
  readonly name: string;
  readonly required: boolean;
  readonly fallback: unknown;
  readonly description: string;
}

/** The settings of an app: the keys of the object schema that its config.ts exports, with their descriptions or comments. */
export function settingsOf(schema: z.ZodObject, source: string): Setting[] {
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  const required = new Set(json.required);
  return Object.entries(json.properties ?? {}).map(([name, property]) => {
    const { default: fallback, description } = property as {
      default?: unknown;
      description?: string;
    };
    return {
      name,
      required: required.has(name),
      fallback,
      description: description ?? commentOf(source, name),
    };
  });
}

/** The doc comment above a key. */
function commentOf(source: string, name: string): string {
  const before = source.slice(0, source.search(new RegExp(`^\\s*'?${name}'?:`, 'm')));
  const comment = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*$/.exec(before)?.[1] ?? '';
  return comment
    .replaceAll(/^\s*\*\s?/gm, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

async function configPage(root: string): Promise<string> {
  const apps = readdirSync(path.join(root, 'apps')).filter((app) => existsSync(path.join(root, 'apps', app, 'config.ts')));
  const parts: string[] = [];
  for (const app of apps.sort()) {
    const module = (await import(pathToFileURL(path.join(root, 'dist', 'apps', app, 'config.js')).href)) as Record<
      string,
      unknown
    >;
    const schema = Object.values(module).find((exported) => exported instanceof z.ZodObject);
    if (schema === undefined) throw new Error(`apps/${app}/config.ts exports no object schema of its settings`);
    const rows = settingsOf(schema, readFileSync(path.join(root, 'apps', app, 'config.ts'), 'utf8')).map(
      ({ name, required, fallback, description }) =>
        `| \`${name}\` | ${required ? 'required' : fallback === undefined ? '' : `\`${String(fallback)}\``} | ${description.replaceAll('|', '\\|')} |`,
    );
    parts.push(`## apps/${app}\n\n| Setting | Default | Meaning |\n|---|---|---|\n${rows.join('\n')}\n`);
  }
  return `# Settings\n\nMade from each app's \`config.ts\` by \`npm run generate\`. Settings come from the environment; an unknown \`SLUICE_*\` name is an error.\n\n${parts.join('\n')}`;
}

const asyncApiFile = 'proto-schemas/asyncapi/sluice.json';
const openApiFile = 'proto-schemas/openapi/control-plane.json';

/** What the control plane's handlers say of themselves, with the registry's part, which Confluent's API defines. */
function openApiText(root: string): string {
  const registry = JSON.parse(readFileSync(path.join(root, 'proto-schemas', 'openapi', 'registry.json'), 'utf8')) as OpenApiPart;
  return `${JSON.stringify(openApiDocument(servedRoutes(controllers), registry), null, 1)}\n`;
}

async function main(): Promise<void> {
  const root = repositoryRoot();
  const target = path.resolve(process.argv[2] ?? root);
  mkdirSync(path.join(target, 'docs'), { recursive: true });
  writeFileSync(path.join(target, 'docs', 'errors.md'), errorsPage());
  writeFileSync(path.join(target, 'docs', 'config.md'), await configPage(root));
  writeFileSync(path.join(target, 'docs', 'stages.md'), stagesPage(stages));
  mkdirSync(path.join(target, path.dirname(openApiFile)), { recursive: true });
  writeFileSync(path.join(target, openApiFile), openApiText(root));
  mkdirSync(path.join(target, path.dirname(asyncApiFile)), { recursive: true });
  writeFileSync(path.join(target, asyncApiFile), `${JSON.stringify(asyncApiDocument(), null, 1)}\n`);
}

if (process.argv[1] !== undefined && path.basename(process.argv[1]) === 'generate.js') await main();

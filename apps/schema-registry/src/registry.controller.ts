/** The Confluent REST protocol over the registry: read-only, every answer in its media type and error form. */
import { All, Controller, Get, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  type Answer,
  type CompatibilityAnswer,
  found,
  REGISTRY_PROBLEMS,
  Registry,
  refused,
} from './registry.ts';

const MEDIA_TYPE = 'application/vnd.schemaregistry.v1+json';
const READING_METHODS = ['GET', 'HEAD'];

// What `npm run check` holds every schema to before it gets here.
const COMPATIBILITY = { compatibilityLevel: 'FULL_TRANSITIVE' };
const MODE = { mode: 'READONLY' };

const READ_ONLY = 'This registry is in read-only mode: its schemas are locked when it is built';

const NO_SCHEMA = refused('invalid_schema', 'The body is not a JSON object with a text called schema.');

@Controller()
export class RegistryController {
  readonly #registry: Registry;

  constructor(@Inject(Registry) registry: Registry) {
    this.#registry = registry;
  }

  @Get()
  root(@Res() reply: FastifyReply): void {
    send(reply, found({}));
  }

  @Get('subjects')
  subjects(@Res() reply: FastifyReply, @Query('subjectPrefix') prefix?: string): void {
    send(reply, found(this.#registry.subjects(prefix)));
  }

  @Get('subjects/:subject/versions')
  versions(@Param('subject') subject: string, @Res() reply: FastifyReply): void {
    send(reply, this.#registry.versions(subject));
  }

  @Get('subjects/:subject/versions/:version')
  version(
    @Param('subject') subject: string,
    @Param('version') version: string,
    @Res() reply: FastifyReply,
  ): void {
    send(reply, this.#registry.version(subject, version));
  }

  @Get('subjects/:subject/versions/:version/schema')
  schemaOfVersion(
    @Param('subject') subject: string,
    @Param('version') version: string,
    @Res() reply: FastifyReply,
  ): void {
    const answer = this.#registry.version(subject, version);
    if (answer.ok) sendJson(reply, 200, answer.value.schema);
    else send(reply, answer);
  }

  /** Which schemas refer to this one: ours stand alone. */
  @Get('subjects/:subject/versions/:version/referencedby')
  referencedBy(
    @Param('subject') subject: string,
    @Param('version') version: string,
    @Res() reply: FastifyReply,
  ): void {
    const answer = this.#registry.version(subject, version);
    send(reply, answer.ok ? found([]) : answer);
  }

  /** Looks a schema up; it registers nothing. */
  @Post('subjects/:subject')
  lookUp(
    @Param('subject') subject: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): void {
    const schema = schemaIn(request.body);
    send(reply, schema === null ? NO_SCHEMA : this.#registry.lookUp(subject, schema));
  }

  @Get('schemas/ids/:id')
  schemaOfId(@Param('id') id: string, @Res() reply: FastifyReply): void {
    const answer = this.#registry.schemaOfId(id);
    send(reply, answer.ok ? found({ schema: answer.value }) : answer);
  }

  @Get('schemas/ids/:id/schema')
  bareSchemaOfId(@Param('id') id: string, @Res() reply: FastifyReply): void {
    const answer = this.#registry.schemaOfId(id);
    if (answer.ok) sendJson(reply, 200, answer.value);
    else send(reply, answer);
  }

  @Get('schemas/ids/:id/subjects')
  subjectsOfId(@Param('id') id: string, @Res() reply: FastifyReply): void {
    send(reply, this.#registry.subjectsOfId(id));
  }

  @Get('schemas/ids/:id/versions')
  versionsOfId(@Param('id') id: string, @Res() reply: FastifyReply): void {
    send(reply, this.#registry.versionsOfId(id));
  }

  @Get('schemas/types')
  types(@Res() reply: FastifyReply): void {
    send(reply, found(['AVRO']));
  }

  @Get('schemas')
  schemas(
    @Res() reply: FastifyReply,
    @Query('subjectPrefix') prefix?: string,
    @Query('latestOnly') latestOnly?: string,
  ): void {
    send(reply, found(this.#registry.allVersions(prefix ?? '', latestOnly === 'true')));
  }

  @Get('contexts')
  contexts(@Res() reply: FastifyReply): void {
    send(reply, found(['.']));
  }

  @Get('config')
  config(@Res() reply: FastifyReply): void {
    send(reply, found(COMPATIBILITY));
  }

  @Get('config/:subject')
  configOf(
    @Param('subject') subject: string,
    @Res() reply: FastifyReply,
    @Query('defaultToGlobal') defaultToGlobal?: string,
  ): void {
    const problem = `Subject '${subject}' does not have subject-level compatibility configured`;
    const isSet = this.#isKnown(subject) || defaultToGlobal === 'true';
    send(reply, isSet ? found(COMPATIBILITY) : refused('compatibility_not_set', problem));
  }

  @Get('mode')
  mode(@Res() reply: FastifyReply): void {
    send(reply, found(MODE));
  }

  @Get('mode/:subject')
  modeOf(
    @Param('subject') subject: string,
    @Res() reply: FastifyReply,
    @Query('defaultToGlobal') defaultToGlobal?: string,
  ): void {
    const problem = `Subject '${subject}' does not have subject-level mode configured`;
    const isSet = this.#isKnown(subject) || defaultToGlobal === 'true';
    send(reply, isSet ? found(MODE) : refused('mode_not_set', problem));
  }

  /** Whether a schema could follow one version; nothing is registered. */
  @Post('compatibility/subjects/:subject/versions/:version')
  compatibilityWith(
    @Param('subject') subject: string,
    @Param('version') version: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
    @Query('verbose') verbose?: string,
  ): void {
    sendCompatibility(reply, request, verbose === 'true', (schema) =>
      this.#registry.compatibilityWith(subject, version, schema),
    );
  }

  /** Whether a schema could follow all versions. */
  @Post('compatibility/subjects/:subject/versions')
  compatibilityWithAll(
    @Param('subject') subject: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
    @Query('verbose') verbose?: string,
  ): void {
    sendCompatibility(reply, request, verbose === 'true', (schema) =>
      this.#registry.compatibilityWithAll(subject, schema),
    );
  }

  /** Whatever has no route: an unknown path to a reader, a refusal to everybody who would write. */
  @All('*')
  unknown(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    const isReading = READING_METHODS.includes(request.method);
    if (!isReading) void reply.header('allow', READING_METHODS.join(', '));
    send(reply, isReading ? refused('not_found', 'HTTP 404 Not Found') : refused('read_only', READ_ONLY));
  }

  #isKnown(subject: string): boolean {
    return this.#registry.versions(subject).ok;
  }
}

function sendCompatibility(
  reply: FastifyReply,
  request: FastifyRequest,
  isVerbose: boolean,
  compare: (schema: string) => CompatibilityAnswer,
): void {
  const schema = schemaIn(request.body);
  const answer = schema === null ? NO_SCHEMA : compare(schema);
  if (!answer.ok) {
    send(reply, answer);
    return;
  }
  const messages = isVerbose ? { messages: answer.value } : {};
  send(reply, found({ is_compatible: answer.value.length === 0, ...messages }));
}

function send(reply: FastifyReply, answer: Answer<unknown>): void {
  if (answer.ok) {
    sendJson(reply, 200, JSON.stringify(answer.value));
    return;
  }
  const { httpStatus, errorCode } = REGISTRY_PROBLEMS[answer.problem];
  sendJson(reply, httpStatus, JSON.stringify({ error_code: errorCode, message: answer.message }));
}

function sendJson(reply: FastifyReply, httpStatus: number, json: string): void {
  // As bytes: Fastify adds a charset to the media type of a text, and the protocol's media type has none.
  void reply.status(httpStatus).header('content-type', MEDIA_TYPE).send(Buffer.from(json));
}

function schemaIn(body: unknown): string | null {
  if (typeof body !== 'string') return null;
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed !== 'object' || parsed === null || !('schema' in parsed)) return null;
    return typeof parsed.schema === 'string' ? parsed.schema : null;
  } catch {
    return null;
  }
}

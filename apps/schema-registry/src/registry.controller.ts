/** The Confluent REST protocol over the registry: read-only, every answer in its media type and error form. */
import { All, Controller, Get, Inject, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Answer, found, REGISTRY_PROBLEMS, Registry, refused } from './registry.ts';

const MEDIA_TYPE = 'application/vnd.schemaregistry.v1+json';
const READING_METHODS = ['GET', 'HEAD'];

// Compatibility is held by a test over the lock file before a schema gets here; this is what that test enforces.
const COMPATIBILITY = { compatibilityLevel: 'FULL_TRANSITIVE' };

const READ_ONLY = 'This registry is in read-only mode: its schemas are locked when it is built';

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
  subjects(@Res() reply: FastifyReply): void {
    send(reply, found(this.#registry.subjects()));
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

  /** Looks a schema up; it registers nothing. */
  @Post('subjects/:subject')
  lookUp(
    @Param('subject') subject: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): void {
    const schema = schemaIn(request.body);
    send(
      reply,
      schema === null
        ? refused('invalid_schema', 'The body is not a JSON object with a text called schema.')
        : this.#registry.lookUp(subject, schema),
    );
  }

  @Get('schemas/ids/:id')
  schemaOfId(@Param('id') id: string, @Res() reply: FastifyReply): void {
    const answer = this.#registry.schemaOfId(id);
    send(reply, answer.ok ? found({ schema: answer.value }) : answer);
  }

  @Get('schemas/ids/:id/versions')
  versionsOfId(@Param('id') id: string, @Res() reply: FastifyReply): void {
    send(reply, this.#registry.versionsOfId(id));
  }

  @Get('schemas/types')
  types(@Res() reply: FastifyReply): void {
    send(reply, found(['AVRO']));
  }

  @Get('config')
  config(@Res() reply: FastifyReply): void {
    send(reply, found(COMPATIBILITY));
  }

  @Get('mode')
  mode(@Res() reply: FastifyReply): void {
    send(reply, found({ mode: 'READONLY' }));
  }

  /** Whatever has no route: an unknown path to a reader, a refusal to everybody who would write. */
  @All('*')
  unknown(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    const isReading = READING_METHODS.includes(request.method);
    if (!isReading) void reply.header('allow', READING_METHODS.join(', '));
    send(reply, isReading ? refused('not_found', 'HTTP 404 Not Found') : refused('read_only', READ_ONLY));
  }
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

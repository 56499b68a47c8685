/** Receivers as bad as any on the net, for whoever wants to see what becomes of a delivery to one. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { All, Controller, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** Longer than most senders wait. */
const SLOW_MS = 29_000;
const LONGEST_MS = 600_000;
const CHUNK = Buffer.alloc(16_384, 'x');
/** Whoever follows the redirect shows as a call of this partner. */
const LURED_PATH = '/partner/lured';

@Controller('nasty')
export class NastyController {
  /** Says OK, but late: after `ms` milliseconds, 29 s when left out. */
  @All('slow')
  async slow(@Query('ms') ms: string | undefined, @Res() reply: FastifyReply): Promise<void> {
    await delay(Math.min(/^\d+$/.test(ms ?? '') ? Number(ms) : SLOW_MS, LONGEST_MS));
    await reply.type('text/plain').send('OK');
  }

  /** Takes the call and breaks the connection. */
  @All('reset')
  reset(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    reply.hijack();
    request.raw.socket.resetAndDestroy();
  }

  /** Takes the call and never answers. */
  @All('black-hole')
  blackHole(@Res() reply: FastifyReply): void {
    reply.hijack();
  }

  /** Sends whoever calls, with all they brought, to a private address: this machine. */
  @All('redirect')
  async redirect(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await reply.redirect(`http://${request.headers.host ?? '127.0.0.1'}${LURED_PATH}`, 307);
  }

  /** Says OK, and goes on talking for as long as somebody listens. */
  @All('endless')
  async endless(@Res() reply: FastifyReply): Promise<void> {
    reply.hijack();
    reply.raw.writeHead(200, { 'content-type': 'text/plain' });
    await pipeline(Readable.from(forEver()), reply.raw).catch(() => undefined);
  }
}

function* forEver(): Generator<Buffer> {
  for (;;) yield CHUNK;
}

/** GET /metrics for Prometheus, kept from strangers: the port may be a public one. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { Controller, Get, Header, Inject, NotFoundException, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { READINESS_CHECKS, Readiness, type ReadinessCheck } from './health.ts';
import { processMetrics } from './metrics.ts';
import { readSettings } from './settings.ts';

const LOOPBACK = new Set(['127.0.0.1', '::1', '::ffff:127.0.0.1']);

@Controller('metrics')
export class MetricsController {
  readonly #readiness: Readiness;
  readonly #token = readSettings(['METRICS_TOKEN']).METRICS_TOKEN;

  constructor(@Inject(READINESS_CHECKS) checks: readonly ReadinessCheck[]) {
    this.#readiness = new Readiness(checks);
  }

  /** Looks at the dependencies first, so that their gauges are as fresh as the scrape. */
  @Get()
  @Header('content-type', processMetrics.contentType)
  async metrics(@Req() request: FastifyRequest): Promise<string> {
    // Not 401 or 403: a stranger on a public port learns nothing, not even that it is here.
    if (!this.#mayRead(request)) throw new NotFoundException();
    await this.#readiness.report();
    return processMetrics.metrics();
  }

  /** With a token, whoever bears it. Without one, this machine alone, and nobody through a proxy on it. */
  #mayRead({ headers, socket }: FastifyRequest): boolean {
    if (this.#token !== '') return isSame(headers.authorization ?? '', `Bearer ${this.#token}`);
    const isForwarded = 'forwarded' in headers || 'x-forwarded-for' in headers;
    return !isForwarded && LOOPBACK.has(socket.remoteAddress ?? '');
  }
}

/** In constant time: digests have one length. */
function isSame(left: string, right: string): boolean {
  return timingSafeEqual(digestOf(left), digestOf(right));
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

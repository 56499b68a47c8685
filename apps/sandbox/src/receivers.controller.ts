/** The addresses the platforms' senders call; each call is recorded before its answer goes out. */
import { setTimeout as delay } from 'node:timers/promises';
import { Controller, Get, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import type { Clock } from '@tributary/runtime';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Behaviours } from './behaviour.ts';
import { type IncomingCall, ReceivedCalls, type ReceiverName } from './received-calls.ts';
import { measurementId } from './receivers/ga4.ts';
import { acceptedCall, operatingAccount, requestStatus } from './receivers/google-data-manager.ts';
import { tokenAnswer } from './receivers/google-token.ts';
import { RECEIVERS } from './receivers/index.ts';
import { linkedinRule } from './receivers/linkedin.ts';
import type { Answer, Credentials } from './receivers/receiver.ts';
import { tiktokEventSource } from './receivers/tiktok.ts';

export const CLOCK = Symbol('CLOCK');

@Controller()
export class ReceiversController {
  readonly #behaviours: Behaviours;
  readonly #calls: ReceivedCalls;
  readonly #clock: Clock;

  constructor(
    @Inject(Behaviours) behaviours: Behaviours,
    @Inject(ReceivedCalls) calls: ReceivedCalls,
    @Inject(CLOCK) clock: Clock,
  ) {
    this.#behaviours = behaviours;
    this.#calls = calls;
    this.#clock = clock;
  }

  @Get('partner/:name')
  async partnerByGet(
    @Param('name') name: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.#receive({ kind: 'partner', name }, request, reply);
  }

  @Post('partner/:name')
  async partnerByPost(
    @Param('name') name: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.#receive({ kind: 'partner', name }, request, reply);
  }

  /** The second address is the one of graph.facebook.com itself, for senders that let only the host be replaced. */
  @Post(['meta/:version/:datasetId/events', ':version/:datasetId/events'])
  async meta(
    @Param('datasetId') name: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.#receive({ kind: 'meta', name }, request, reply);
  }

  /**
   * From here on the addresses of the platforms themselves, since their definitions let only the host be replaced. TikTok's
   * ends in a slash; Nest drops it, so the second path takes it.
   */
  @Post(['open_api/:version/event/track', 'open_api/:version/event/track/*'])
  async tiktok(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.#receive({ kind: 'tiktok', name: tiktokEventSource(bodyOf(request)) }, request, reply);
  }

  @Post('v5/ad_accounts/:adAccountId/events')
  async pinterest(
    @Param('adAccountId') name: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.#receive({ kind: 'pinterest', name }, request, reply);
  }

  @Post(['v3/:pixelId/events', 'v3/:pixelId/events/validate'])
  async snap(
    @Param('pixelId') name: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.#receive({ kind: 'snap', name }, request, reply);
  }

  @Post(['mp/collect', 'debug/mp/collect'])
  async ga4(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.#receive({ kind: 'ga4', name: measurementId(queryOf(request.url)) }, request, reply);
  }

  /** A colon that names no parameter is written twice. */
  @Post('v1/events::ingest')
  async googleDataManager(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const name = operatingAccount(bodyOf(request));
    await this.#receive({ kind: 'google-data-manager', name }, request, reply);
  }

  /** Not recorded: it reports nothing. */
  @Get('v1/requestStatus::retrieve')
  async googleRequestStatus(
    @Query('requestId') requestId: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const call = acceptedCall(this.#calls.matching({ kind: 'google-data-manager' }), requestId);
    const requiredToken = call === null ? null : this.#behaviours.requiredToken(call);
    await respond(reply, requestStatus(call, credentialsOf(request, requiredToken), this.#clock.now()));
  }

  /** Not recorded: it is all secrets. */
  @Post('token')
  async googleToken(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await respond(reply, tokenAnswer(bodyOf(request)));
  }

  @Post('v1/:tagId/events')
  async microsoftUet(
    @Param('tagId') name: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.#receive({ kind: 'microsoft-uet', name }, request, reply);
  }

  @Post('rest/conversionEvents')
  async linkedin(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.#receive({ kind: 'linkedin', name: linkedinRule(bodyOf(request)) }, request, reply);
  }

  @Post('api/:version/pixels/:pixelId/conversion_events')
  async reddit(
    @Param('pixelId') name: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.#receive({ kind: 'reddit', name }, request, reply);
  }

  @Post(':version/measurement/conversions/:pixelId')
  async x(
    @Param('pixelId') name: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.#receive({ kind: 'x', name }, request, reply);
  }

  @Post('webhook/:name')
  async webhook(
    @Param('name') name: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.#receive({ kind: 'webhook', name }, request, reply);
  }

  async #receive(receiver: ReceiverName, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const call = incomingCall(receiver, request, this.#clock.now());
    const { failWith, delayMs, resetsConnection } = this.#behaviours.next(receiver);
    const { judge, failure } = RECEIVERS[receiver.kind];
    const answer =
      failWith === null
        ? judge(call, credentialsOf(request, this.#behaviours.requiredToken(receiver)))
        : failure(failWith);
    const answeredStatus = resetsConnection ? null : answer.status;
    this.#calls.add({ ...call, accepted: answer.accepted, answeredStatus });
    if (delayMs > 0) await delay(delayMs);
    if (resetsConnection) {
      reply.hijack();
      request.raw.socket.resetAndDestroy();
      return;
    }
    await respond(reply, answer);
  }
}

async function respond(reply: FastifyReply, { status, contentType, body }: Answer): Promise<void> {
  await reply.status(status).header('content-type', contentType).send(body);
}

function credentialsOf({ headers, url }: FastifyRequest, requiredToken: string | null): Credentials {
  return {
    header: (name) => [headers[name] ?? []].flat()[0],
    parameter: (name) => parametersOf(url).get(name) ?? undefined,
    requiredToken,
  };
}

function parametersOf(url: string): URLSearchParams {
  return new URLSearchParams(queryOf(url));
}

function queryOf(url: string): string {
  return url.split('?').slice(1).join('?');
}

/** Snap, Google Analytics and many networks take their secret in the query, and Meta there too: it is judged, and never kept. */
const SECRET_PARAMETER =
  /(?:token|secret|password|passwd|signature)$|(?:api|access|auth|private|postback|security)[_-]?key$|^(?:key|auth|pwd|pass|sig|hmac)$/i;

function incomingCall(receiver: ReceiverName, request: FastifyRequest, receivedAt: number): IncomingCall {
  const [path = ''] = request.url.split('?');
  const query = [...parametersOf(request.url)].map(
    ([name, value]) => [name, SECRET_PARAMETER.test(name) ? '[redacted]' : value] as const,
  );
  return { ...receiver, method: request.method, path, query, body: bodyOf(request), receivedAt };
}

function bodyOf({ body }: FastifyRequest): string {
  return typeof body === 'string' ? body : '';
}

/** What a test or a person asks the sandbox: what was received, what it adds up to, and how receivers shall behave. */
import {
  BadRequestException,
  Controller,
  Delete,
  Get,
  HttpCode,
  HttpStatus,
  Inject,
  NotFoundException,
  Param,
  Put,
  Query,
  Req,
} from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Behaviours, parseBehaviour } from './behaviour.ts';
import {
  RECEIVER_KINDS,
  type ReceivedCall,
  ReceivedCalls,
  type ReceiverKind,
  type ReceiverName,
} from './received-calls.ts';
import { type ReceiverSummary, summarize } from './summary.ts';

@Controller('admin')
export class AdminController {
  readonly #behaviours: Behaviours;
  readonly #calls: ReceivedCalls;

  constructor(@Inject(Behaviours) behaviours: Behaviours, @Inject(ReceivedCalls) calls: ReceivedCalls) {
    this.#behaviours = behaviours;
    this.#calls = calls;
  }

  /** Replaces the behaviour of a receiver; `token` in the query is the only bearer token it then takes. */
  @Put('receivers/:kind/:name/behaviour')
  @HttpCode(HttpStatus.NO_CONTENT)
  setBehaviour(
    @Param('kind') kind: string,
    @Param('name') name: string,
    @Query('token') token: string | undefined,
    @Req() request: FastifyRequest,
  ): void {
    const receiver: ReceiverName = { kind: knownKind(kind), name };
    const parsed = parseBehaviour(typeof request.body === 'string' ? request.body : '');
    if (!parsed.ok) throw new BadRequestException(parsed.fault);
    this.#behaviours.set(receiver, parsed.behaviour);
    this.#behaviours.requireToken(receiver, token ?? null);
  }

  @Get('received')
  received(
    @Query('kind') kind: string | undefined,
    @Query('name') name: string | undefined,
  ): { readonly calls: readonly ReceivedCall[] } {
    return { calls: this.#calls.matching(filterOf(kind, name)) };
  }

  @Get('received/summary')
  summary(
    @Query('kind') kind: string | undefined,
    @Query('name') name: string | undefined,
    @Query('keyParameter') key = 'delivery',
    @Query('valueParameter') value = 'payout',
    @Query('currencyParameter') currency = 'currency',
  ): { readonly receivers: readonly ReceiverSummary[] } {
    return { receivers: summarize(this.#calls.matching(filterOf(kind, name)), { key, value, currency }) };
  }

  /** Makes a receiver lose its last call, so that a test sees who notices. */
  @Delete('received/:kind/:name/last')
  @HttpCode(HttpStatus.NO_CONTENT)
  loseLast(@Param('kind') kind: string, @Param('name') name: string): void {
    if (!this.#calls.loseLast({ kind: knownKind(kind), name }))
      throw new NotFoundException('nothing was received');
  }

  @Delete('received')
  @HttpCode(HttpStatus.NO_CONTENT)
  clear(): void {
    this.#calls.clear();
  }
}

function filterOf(kind: string | undefined, name: string | undefined): Partial<ReceiverName> {
  return { ...(kind !== undefined && { kind: knownKind(kind) }), ...(name !== undefined && { name }) };
}

function knownKind(text: string): ReceiverKind {
  const kind = RECEIVER_KINDS.find((each) => each === text);
  if (kind === undefined) throw new BadRequestException(`kind must be one of ${RECEIVER_KINDS.join(', ')}`);
  return kind;
}

/** Dead letters of deliveries and their replay, over HTTP. */
import { Body, Controller, Inject, Param, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { answer } from '../answer.ts';
import type { Holder } from '../api-keys.ts';
import { KeyHolder, OnRoute } from '../on-route.ts';
import { Replays } from './replays.ts';

type Given = Readonly<Record<string, unknown>>;

@Controller('api/v1')
export class ReplayController {
  readonly #replays: Replays;

  constructor(@Inject(Replays) replays: Replays) {
    this.#replays = replays;
  }

  @OnRoute('listDeadLetters')
  async letters(@Query() query: Given, @Res({ passthrough: true }) reply: FastifyReply): Promise<object> {
    return answer(reply, await this.#replays.list(query));
  }

  @OnRoute('readDeadLetter')
  async letter(
    @KeyHolder() holder: Holder,
    @Param('id') id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    return answer(reply, await this.#replays.one(id, holder));
  }

  @OnRoute('planReplay')
  async plan(@Body() body: unknown, @Res({ passthrough: true }) reply: FastifyReply): Promise<object> {
    return answer(reply, await this.#replays.plan(body));
  }

  @OnRoute('orderReplay')
  async order(
    @KeyHolder() { keyId }: Holder,
    @Body() body: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    return answer(reply, await this.#replays.order(body, keyId));
  }

  @OnRoute('listReplays')
  async runs(@Res({ passthrough: true }) reply: FastifyReply): Promise<object> {
    return answer(reply, await this.#replays.runs());
  }

  @OnRoute('readReplay')
  async run(@Param('id') id: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<object> {
    return answer(reply, await this.#replays.run(id));
  }

  @OnRoute('stopReplay')
  async stop(
    @KeyHolder() { keyId }: Holder,
    @Param('id') id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    return answer(reply, await this.#replays.stop(id, keyId));
  }
}

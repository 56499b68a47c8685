/** Why conversions stand where they stand, over HTTP. */
import { Controller, Inject, Param, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { answer } from '../answer.ts';
import type { Holder } from '../api-keys.ts';
import { KeyHolder, OnRoute } from '../on-route.ts';
import { Explainer } from './explainer.ts';

@Controller('api/v1')
export class ExplainController {
  readonly #explainer: Explainer;

  constructor(@Inject(Explainer) explainer: Explainer) {
    this.#explainer = explainer;
  }

  @OnRoute('explainConversion')
  async explain(
    @KeyHolder() holder: Holder,
    @Param('id') conversionId: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    return answer(reply, await this.#explainer.explain(conversionId, holder));
  }
}

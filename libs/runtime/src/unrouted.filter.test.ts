/** An address nobody serves, asked for with a secret in it: the answer repeats nothing of it. */
import 'reflect-metadata';
import { Controller, Get, Module, NotFoundException } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { answerUnreadable, UnroutedFilter } from './unrouted.filter.ts';

class SmallController {
  known(): never {
    throw new NotFoundException('no such entity');
  }
}
class SmallModule {}
// As calls: the compiler that runs the tests of a library knows no decorators.
const handler = Object.getOwnPropertyDescriptor(SmallController.prototype, 'known') ?? {};
Get('known')(SmallController.prototype, 'known', handler);
Controller()(SmallController);
Module({ controllers: [SmallController] })(SmallModule);

let app: NestFastifyApplication;

beforeAll(async () => {
  app = await NestFactory.create<NestFastifyApplication>(
    SmallModule,
    new FastifyAdapter({ frameworkErrors: answerUnreadable }),
    {
      logger: false,
    },
  );
  app.useGlobalFilters(new UnroutedFilter());
  await app.init();
});

afterAll(() => app.close());

it.each(['GET', 'POST'] as const)('%s', async (method) => {
  const answer = await app.inject({ method, url: '/nowhere/CANARY?token=CANARY' });
  expect(answer.statusCode).toBe(404);
  expect(answer.json()).toEqual({ code: 'not_found', message: 'there is nothing here' });
});

it.each(['/%E0%A4%A/CANARY?token=CANARY', '/CANARY%?token=CANARY'])('%s, which is no URL', async (url) => {
  const answer = await app.inject({ method: 'GET', url });
  expect(answer.statusCode).toBe(400);
  expect(answer.json()).toEqual({ code: 'request_malformed', message: 'the request cannot be read' });
});

it("leaves a handler's own words alone", async () => {
  const answer = await app.inject({ method: 'GET', url: '/known' });
  expect(answer.statusCode).toBe(404);
  expect(answer.json()).toMatchObject({ message: 'no such entity' });
});

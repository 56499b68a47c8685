/** A schema registry behind a door: open, shut, or answering 404 to everything; and with a schema of its own on request. */
import { createServer, type Server, type ServerResponse } from 'node:http';

export type Door = 'open' | 'refused' | 'not_found';

interface ServedSchema {
  readonly id: number;
  readonly subject: string;
  readonly schema: string;
}

export class RegistryProxy {
  readonly #behind: string;
  readonly #port: number;
  #server: Server | undefined;
  #door: Door = 'refused';
  #served: ServedSchema | undefined;

  constructor(behind: string, port: number) {
    this.#behind = behind;
    this.#port = port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async put(door: Door): Promise<void> {
    this.#door = door;
    if (door === 'refused') await this.#close();
    else await this.#listen();
  }

  /** Serves one more version, as a deploy of the registry would. */
  serve(schema: ServedSchema): void {
    this.#served = schema;
  }

  async #listen(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer((request, response) => {
      this.#answer(request.url ?? '/', response).catch(() => response.destroy());
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve));
  }

  async #close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }

  async #answer(path: string, response: ServerResponse): Promise<void> {
    if (this.#door === 'not_found')
      return send(response, 404, { error_code: 40403, message: 'Schema not found' });
    const served = this.#served;
    if (served !== undefined && path === `/schemas/ids/${served.id}`)
      return send(response, 200, { schema: served.schema });
    if (served !== undefined && path === `/schemas/ids/${served.id}/versions`)
      return send(response, 200, [{ subject: served.subject, version: 99 }]);
    const answer = await fetch(`${this.#behind}${path}`);
    send(response, answer.status, (await answer.json()) as object);
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/vnd.schemaregistry.v1+json' });
  response.end(JSON.stringify(body));
}

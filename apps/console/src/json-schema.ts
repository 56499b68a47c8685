/** Words for the JSON schemas of the OpenAPI document. */

export type Json = Readonly<Record<string, unknown>>;

export const text = { type: 'string' };
export const flag = { type: 'boolean' };
export const whole = { type: 'integer' };
export const instant = { type: 'string', format: 'date-time' };
export const texts = { type: 'object', additionalProperties: text };

export function ref(name: string): Json {
  return { $ref: `#/components/schemas/${name}` };
}

/** Unknown properties are refused. */
export function object(properties: Json, optional: readonly string[] = []): Json {
  return {
    type: 'object',
    properties,
    required: Object.keys(properties).filter((name) => !optional.includes(name)),
    additionalProperties: false,
  };
}

export function list(items: Json): Json {
  return { type: 'array', items };
}

export function nullable(schema: Json): Json {
  return { anyOf: [schema, { type: 'null' }] };
}

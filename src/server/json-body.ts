import type { Context } from 'hono'

/** The object that a request brings, or the answer to one that brings none. An empty body is an object without fields. */
export async function jsonBody(context: Context): Promise<Record<string, unknown> | Response> {
  const text = await context.req.text()
  if (text === '') return {}
  if (!/^application\/json\b/i.test(context.req.header('content-type') ?? '')) {
    return context.json({ error: 'a body is sent as application/json' }, 415)
  }
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch (error) {
    return context.json({ error: `the body is no JSON: ${(error as Error).message}` }, 400)
  }
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Record<string, unknown>
  return context.json({ error: 'the body must be a JSON object' }, 400)
}

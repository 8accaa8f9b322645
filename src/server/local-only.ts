// What every server must refuse, or a page of another site could reach it through its visitor's browser.
import type { Context, Next } from 'hono'

/**
 * DNS rebinding: a name of somebody else's that leads here; under TLS the certificate has the names. Answers carry what keeps a page from being
 * framed or guessed.
 */
export async function answerLocally(context: Context, next: Next): Promise<Response | undefined> {
  if (!isSecure(context) && !hostIsLocal(context.req.header('host'))) {
    return context.json({ error: 'this server answers on loopback names only' }, 421)
  }
  await next()
  context.header('Content-Security-Policy', "default-src 'self'; frame-ancestors 'none'")
  context.header('X-Content-Type-Options', 'nosniff')
  context.header('Referrer-Policy', 'no-referrer')
  context.header('Cache-Control', 'no-store')
  return undefined
}

/** A call from a page that this server did not give; undefined when it is none. */
export function refuseOtherOrigin(context: Context): Response | undefined {
  const origin = context.req.header('origin')
  const scheme = isSecure(context) ? 'https' : 'http'
  if (origin === undefined || origin === `${scheme}://${context.req.header('host')}`) return undefined
  return context.json({ error: 'calls from pages of other origins are refused' }, 403)
}

function hostIsLocal(host: string | undefined): boolean {
  const name = (host ?? '').replace(/:\d+$/, '')
  return name === 'localhost' || name === '[::1]' || /^127(\.\d{1,3}){3}$/.test(name)
}

const isSecure = (context: Context) => context.req.url.startsWith('https:')

// The two validators that Kafka has for OAUTHBEARER: one for signed tokens, and one for unsecured tokens, which is for tests only and must
// be asked for by name.

import {
  BadToken,
  type Claims,
  checkSignature,
  listClaim,
  nameClaim,
  parseJwt,
  timeClaim,
  type VerificationKey,
} from './jwt.ts'

export interface ValidToken {
  readonly user: string
  readonly expiresAtMs: number
}

/** Throws BadToken; `scope` of it is what the token lacks, when only that is wrong. */
export type TokenValidator = (token: string, nowMs: number) => ValidToken

export class MissingScope extends BadToken {
  readonly scope: string

  constructor(scope: string) {
    super(`the token lacks the scope ${scope}`)
    this.scope = scope
  }
}

export interface SignedTokenRules {
  readonly keys: readonly VerificationKey[]
  /** One of these must be in `aud`; with none of them, a token that has an audience was meant for somebody else. */
  readonly audiences: readonly string[]
  readonly issuer: string | undefined
  readonly skewMs: number
  readonly subjectClaim: string
  readonly scopeClaim: string
}

/** As Kafka's BrokerJwtValidator judges. */
export function signedTokenValidator(rules: SignedTokenRules): TokenValidator {
  return (token, nowMs) => {
    const jwt = parseJwt(token)
    checkSignature(jwt, rules.keys)
    const { claims } = jwt
    const expiresAtMs = checkTimes(claims, nowMs, rules.skewMs)
    if (timeClaim(claims, 'iat') === undefined) throw new BadToken('the token does not say when it was issued')
    const notBefore = timeClaim(claims, 'nbf')
    if (notBefore !== undefined && notBefore > nowMs + rules.skewMs) throw new BadToken('the token is not valid yet')
    if (rules.issuer !== undefined && claims['iss'] !== rules.issuer) throw new BadToken('the token has another issuer')
    const audiences = listClaim(claims, 'aud')
    const named = claims['aud'] !== undefined || rules.audiences.length > 0
    if (named && !audiences.some((audience) => rules.audiences.includes(audience))) {
      throw new BadToken('the token is meant for somebody else')
    }
    listClaim(claims, rules.scopeClaim)
    return { user: nameClaim(claims, rules.subjectClaim), expiresAtMs }
  }
}

export interface UnsecuredTokenRules {
  readonly subjectClaim: string
  readonly scopeClaim: string
  readonly requiredScope: readonly string[]
  readonly skewMs: number
}

/** As Kafka's OAuthBearerUnsecuredValidatorCallbackHandler judges: anybody can make such a token. */
export function unsecuredTokenValidator(rules: UnsecuredTokenRules): TokenValidator {
  return (token, nowMs) => {
    const { algorithm, signature, claims } = parseJwt(token)
    if (algorithm !== 'none') throw new BadToken('an unsecured token has the algorithm none')
    if (signature.length > 0) throw new BadToken('an unsecured token has no signature')
    const user = nameClaim(claims, rules.subjectClaim)
    const expiresAtMs = checkTimes(claims, nowMs, rules.skewMs)
    const issuedAt = timeClaim(claims, 'iat')
    if (issuedAt !== undefined && issuedAt > nowMs + rules.skewMs) throw new BadToken('the token is of the future')
    if (issuedAt !== undefined && expiresAtMs <= issuedAt) throw new BadToken('the token ends before it begins')
    const scope = listClaim(claims, rules.scopeClaim)
    const missing = rules.requiredScope.find((one) => !scope.includes(one))
    if (missing !== undefined) throw new MissingScope(rules.requiredScope.join(' '))
    return { user, expiresAtMs }
  }
}

function checkTimes(claims: Claims, nowMs: number, skewMs: number): number {
  const expiresAtMs = timeClaim(claims, 'exp')
  if (expiresAtMs === undefined) throw new BadToken('the token has no expiration time')
  if (nowMs - skewMs >= expiresAtMs) throw new BadToken('the token has expired')
  return expiresAtMs
}

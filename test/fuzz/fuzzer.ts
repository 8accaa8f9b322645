// Rounds of fuzzing. A round is a fresh cluster, some hundred sessions of all kinds, and the question whether the cluster is well
// afterwards and after a restart. A seed and the number of a round replay it.
import { servedApis } from '../../src/broker/apis/index.ts'
import type { ServedApi } from '../../src/broker/dispatcher.ts'
import { decodeResponse, encodeRequest } from '../../src/protocol/codec.ts'
import { apiVersions } from '../../src/protocol/messages/api-versions.ts'
import { createTopics } from '../../src/protocol/messages/create-topics.ts'
import { fetch } from '../../src/protocol/messages/fetch.ts'
import { metadata } from '../../src/protocol/messages/metadata.ts'
import { produce } from '../../src/protocol/messages/produce.ts'
import { saslAuthenticate } from '../../src/protocol/messages/sasl-authenticate.ts'
import { saslHandshake } from '../../src/protocol/messages/sasl-handshake.ts'
import type { Api, RequestInput, Response } from '../../src/protocol/schema.ts'
import { batchOf, fetchOf } from '../broker/requests.ts'
import { BatchPool } from './batch-pool.ts'
import { Conversation } from './conversation.ts'
import type { Session, Step } from './corpus.ts'
import { FuzzedCluster, type FuzzedConnection } from './fuzzed-cluster.ts'
import { mutate } from './mutation.ts'
import { RequestGrammar, TOPICS } from './request-grammar.ts'
import { SeededRandom } from './seeded-random.ts'

export interface FuzzerOptions {
  readonly seed: string
  /** Frames and sessions to start from. */
  readonly corpus: readonly Session[]
  readonly served?: readonly ServedApi[]
  readonly sessionsPerRound?: number
  readonly config?: Readonly<Record<string, unknown>>
}

/** Something that must not happen, and the session in which it did. */
export class FuzzFailure extends Error {
  readonly round: number
  readonly session: Session

  constructor(what: string, round: number, session: Session) {
    super(what)
    this.round = round
    this.session = session
  }
}

const SESSIONS_PER_ROUND = 200
const TOPIC_CONFIGS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  compacted: { 'cleanup.policy': 'compact' },
  zipped: { 'compression.type': 'gzip' },
  stamped: { 'message.timestamp.type': 'LogAppendTime' },
}
/** Brokers that differ in what they ask of a client before they serve it. */
const CONFIGS: readonly Readonly<Record<string, unknown>>[] = [
  {},
  {},
  {
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'allow.everyone.if.no.acl.found': true,
  },
  {
    listeners: 'PLAINTEXT://:0,SASL_PLAINTEXT://:0',
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256',
    'listener.name.sasl_plaintext.plain.sasl.jaas.config':
      'org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="secret";',
    'listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config':
      'org.apache.kafka.common.security.scram.ScramLoginModule required;',
    'connections.max.reauth.ms': 60_000,
  },
  { 'log.segment.bytes': 1_048_576, 'auto.create.topics.enable': false, 'connections.max.idle.ms': 5000 },
]
const LOGIN = [
  encodeRequest(saslHandshake, 1, { correlationId: -1, clientId: 'fuzz' }, { mechanism: 'PLAIN' }),
  encodeRequest(
    saslAuthenticate,
    2,
    { correlationId: -2, clientId: 'fuzz' },
    { authBytes: Buffer.from('\0alice\0secret') },
  ),
].map((buffers) => Buffer.concat(buffers))
/** What hostile requests may rightly bring about: a broker's own request, WriteTxnMarkers, that fences the coordinator here. */
export const EXPECTED_ERRORS: ReadonlySet<string> = new Set(['transaction.marker-refused'])
/** No request may keep the broker from the others for longer; wall clock, so with room for a busy machine. */
const FRAME_MS_MAX = 5000

export class Fuzzer {
  readonly #options: FuzzerOptions
  /** Complete frames that were written. */
  frames = 0
  sessions = 0
  rounds = 0

  constructor(options: FuzzerOptions) {
    this.#options = options
  }

  /** Throws FuzzFailure. */
  async round(number: number): Promise<void> {
    const { seed, corpus, served = servedApis, sessionsPerRound = SESSIONS_PER_ROUND, config } = this.#options
    const round = new Round(number, new SeededRandom(`${seed}/${number}`), served, corpus)
    const rejected: unknown[] = []
    const onRejection = (reason: unknown) => void rejected.push(reason)
    process.on('unhandledRejection', onRejection)
    try {
      await round.start(config)
      for (let session = 0; session < sessionsPerRound; session++) {
        this.frames += await round.session()
        this.sessions++
        if (rejected.length > 0) throw round.failure(`a promise was rejected and nobody cared: ${textOf(rejected[0])}`)
      }
      await round.finish()
      if (rejected.length > 0) throw round.failure(`a promise was rejected and nobody cared: ${textOf(rejected[0])}`)
    } finally {
      process.off('unhandledRejection', onRejection)
    }
    this.rounds++
  }
}

/** Plays one session against a fresh cluster; throws FuzzFailure. For what is kept of what was found. */
export async function replay(session: Session, config: Readonly<Record<string, unknown>> = {}): Promise<void> {
  const round = new Round(0, new SeededRandom('replay'), servedApis, [])
  await round.start(config)
  await round.play(session)
  await round.finish()
}

class Round {
  readonly #number: number
  readonly #random: SeededRandom
  readonly #grammar: RequestGrammar
  readonly #corpus: readonly Session[]
  #world!: FuzzedCluster
  #bystander!: FuzzedConnection
  #session: Step[] = []
  #about = ''
  #correlationId = 1

  constructor(number: number, random: SeededRandom, served: readonly ServedApi[], corpus: readonly Session[]) {
    this.#number = number
    this.#random = random
    this.#grammar = new RequestGrammar(random, new BatchPool(random), served)
    this.#corpus = corpus
  }

  failure(what: string): FuzzFailure {
    return new FuzzFailure(what, this.#number, {
      about: `${this.#about}\n${what.split('\n')[0]}`,
      steps: this.#session,
    })
  }

  async start(config = this.#random.pick(CONFIGS)): Promise<void> {
    this.#world = await FuzzedCluster.start(`${this.#number}`, config)
    this.#bystander = this.#world.connect()
    const topics = TOPICS.map((name) => ({
      name,
      numPartitions: name === 'many' ? 4 : 1,
      replicationFactor: 1,
      assignments: [],
      configs: Object.entries(TOPIC_CONFIGS[name] ?? {}).map(([key, value]) => ({ name: key, value })),
    }))
    this.#grammar.learn('', await this.#ask(createTopics, 7, { topics, timeoutMs: 1000 }))
  }

  /** One session of a kind that is drawn; returns how many frames it wrote. */
  async session(): Promise<number> {
    const random = this.#random
    const kind = random.below(100)
    if (kind < 3) return this.#garbage()
    if (kind < 30 && this.#corpus.length > 0) return this.#fromCorpus()
    return this.#fromGrammar()
  }

  /** Plays the steps as they are. */
  async play(session: Session): Promise<void> {
    this.#begin(session.about)
    await this.#talk(session.steps)
  }

  /** Whether the cluster is well, serves again after a restart, and left nothing behind when it stopped. */
  async finish(): Promise<void> {
    this.#begin('after all sessions')
    await this.#guarded(async () => {
      await this.#serves('before the restart')
      this.#bystander.close()
      await this.#world.clock.advance(10_000)
      await this.#world.reopen(this.#random.pick(['orderly', 'crash']))
      this.#bystander = this.#world.connect()
      await this.#serves('after the restart')
      this.#bystander.close()
      await this.#world.stop()
      await this.#world.clock.advance(0)
      if (this.#world.clock.timers > 0) throw new Error(`${this.#world.clock.timers} timers are left after the stop`)
    })
  }

  #begin(about: string): void {
    this.#about = about
    this.#session = []
  }

  #garbage(): Promise<number> {
    this.#begin('garbage')
    const random = this.#random
    const bytes = random.pick([
      () => random.bytes(1 + random.below(400)),
      () => Buffer.from('GET / HTTP/1.1\r\nHost: kafka\r\n\r\n'),
      () => Buffer.from('16030100c8010000c40303', 'hex'),
      () => Buffer.from('SSH-2.0-OpenSSH_9.6\r\n'),
      () => Buffer.alloc(random.below(5000), random.pick([0, 0xff, 0x7f])),
    ])()
    return this.#talk(this.#chunked([bytes]))
  }

  #fromCorpus(): Promise<number> {
    const random = this.#random
    const { about, steps } = random.pick(this.#corpus)
    this.#begin(`mutated from: ${about}`)
    const written = steps.flatMap((step) => ('bytes' in step ? [step.bytes] : []))
    const frames = written.map((bytes) => {
      const isFrame = bytes.length > 14 && bytes.readInt32BE(0) === bytes.length - 4
      return isFrame && random.chance(0.5) ? mutate(random, bytes, random.pick(written)) : bytes
    })
    return this.#talk(this.#chunked(frames))
  }

  async #fromGrammar(): Promise<number> {
    const random = this.#random
    const mutation = random.pick([0, 0, 0.2, 0.7])
    this.#begin(`requests of the grammar${mutation > 0 ? ', some of them mutated' : ''}`)
    const damaged = (frame: Buffer) => (random.chance(mutation) ? mutate(random, frame, this.#grammar.frame(0)) : frame)
    const frames = Array.from({ length: 1 + random.below(mutation > 0.5 ? 6 : 20) }, () => () => {
      return damaged(this.#grammar.frame(random.chance(0.02) ? 1 : this.#correlationId++))
    })
    const listener = random.below(this.#world.listenerCount)
    if (listener > 0 && random.chance(0.8)) frames.unshift(...LOGIN.map((frame) => () => damaged(frame)))
    // One after the other, knowing what was answered, or all at once.
    if (random.chance(0.5)) return this.#talk(this.#chunked(frames.map((frame) => frame())), listener)
    return this.#talk(this.#lazily(frames), listener)
  }

  *#lazily(frames: readonly (() => Buffer)[]): Iterable<Step> {
    for (const frame of frames) {
      yield { bytes: frame() }
      if (this.#random.chance(0.05)) yield { waitMs: this.#random.pick([1, 500, 7000]) }
    }
  }

  /** The same bytes, cut wherever it pleases. */
  #chunked(frames: readonly Buffer[]): Step[] {
    const random = this.#random
    const all = Buffer.concat(frames)
    const steps: Step[] = []
    if (random.chance(0.1)) steps.push({ reads: false })
    if (random.chance(0.5)) steps.push(...frames.map((bytes) => ({ bytes })))
    else {
      const longest = random.pick([1, 7, 100, 5000, all.length + 1])
      for (let at = 0; at < all.length; ) {
        const end = Math.min(all.length, at + Math.max(1, random.below(longest + 1), Math.floor(all.length / 500)))
        steps.push({ bytes: all.subarray(at, end) })
        at = end
      }
    }
    if (random.chance(0.1)) steps.push({ waitMs: random.pick([1, 1000, 30_000]) })
    steps.push({ reads: true })
    return steps
  }

  async #talk(steps: Iterable<Step>, listener = 0): Promise<number> {
    const connection = this.#world.connect(listener)
    const conversation = new Conversation()
    const loggedBefore = this.#world.logged.length
    await this.#guarded(async () => {
      for (const step of steps) {
        this.#session.push(step)
        await this.#step(connection, conversation, step)
        if (connection.isClosed) break
      }
      await settled()
      this.#listen(connection, conversation)
      const warnings = this.#world.logged.slice(loggedBefore).filter(({ event }) => !EXPECTED_ERRORS.has(event))
      if (warnings.length > 1)
        throw new Error(`one session, several lines in the log: ${warnings.map(({ text }) => text).join('\n')}`)
      connection.close()
      await this.#answersBystander()
    })
    return conversation.frames
  }

  async #step(connection: FuzzedConnection, conversation: Conversation, step: Step): Promise<void> {
    const started = performance.now()
    if ('waitMs' in step) await this.#world.clock.advance(step.waitMs)
    else if ('reads' in step) {
      if (step.reads) connection.startReading()
      else connection.stopReading()
    } else {
      conversation.wrote(step.bytes)
      connection.write(step.bytes)
      if (this.#random.chance(0.3)) await settled()
    }
    this.#listen(connection, conversation)
    const tookMs = performance.now() - started
    if (tookMs > FRAME_MS_MAX) throw new Error(`a step took ${Math.round(tookMs)} ms`)
  }

  #listen(connection: FuzzedConnection, conversation: Conversation): void {
    for (const answer of conversation.heard(connection.take())) this.#grammar.learn('', answer)
  }

  /** Turns whatever is wrong into a failure that can be replayed. */
  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      throw this.failure(textOf(error))
    }
    const crash = this.#world.logged.find(({ level, event }) => level === 'error' && !EXPECTED_ERRORS.has(event))
    if (crash) throw this.failure(`the broker logged an error: ${crash.event} ${crash.text}`)
  }

  async #answersBystander(): Promise<void> {
    if (this.#bystander.isClosed) this.#bystander = this.#world.connect()
    const { brokers } = await this.#ask(metadata, 9, { topics: [] })
    if (brokers.length !== 1) throw new Error('a bystander was not served')
  }

  async #serves(when: string): Promise<void> {
    await this.#answersBystander()
    const { apiKeys } = await this.#ask(apiVersions, 3, { clientSoftwareName: 'judge', clientSoftwareVersion: '1' })
    if (apiKeys.length === 0) throw new Error(`no API is served ${when}`)
    const name = `judge-${when.replaceAll(' ', '-')}`
    const topics = [{ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }]
    const created = await this.#ask(createTopics, 5, { topics })
    if (isRefused(created.topics[0]!.errorCode)) return
    const topicData = [{ name, partitionData: [{ index: 0, records: [batchOf(['well'])] }] }]
    const produced = await this.#ask(produce, 9, { acks: -1, timeoutMs: 1000, topicData })
    const { errorCode } = produced.responses[0]!.partitionResponses[0]!
    if (isRefused(errorCode)) return
    const fetched = await this.#ask(fetch, 12, fetchOf(name))
    const bytes = fetched.responses[0]?.partitions[0]?.records?.[0]?.length ?? 0
    if (errorCode !== 0 || bytes === 0)
      throw new Error(`${name}: Produce answers ${errorCode}, Fetch finds ${bytes} bytes`)
  }

  async #ask<A extends Api>(api: A, version: number, request: RequestInput<A>): Promise<Response<A>> {
    this.#bystander.write(Buffer.concat(encodeRequest(api, version, { correlationId: 7, clientId: 'judge' }, request)))
    for (let turn = 0; turn < 100; turn++) {
      const bytes = this.#bystander.take()
      if (bytes.length > 0) return decodeResponse(api, version, bytes.subarray(4))
      if (turn > 2) await this.#world.clock.advance(turn > 50 ? 100 : 0)
      else await settled()
    }
    throw new Error(
      `${api.name} of a bystander is not answered${this.#bystander.isClosed ? ': its connection is closed' : ''}`,
    )
  }
}

/** Access rules that a session made may keep the judge out. */
function isRefused(errorCode: number): boolean {
  return errorCode === 29 || errorCode === 30 || errorCode === 31
}

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

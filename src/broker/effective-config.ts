import type { BrokerConfig } from './broker-config.ts'
import { type LogConfig, logConfigOf } from './log/log-config.ts'
import { TOPIC_CONFIGS } from './topic-config.ts'

/** What a topic's log is kept by: the topic's own configs over the broker's defaults. */
export function logConfigFor(own: ReadonlyMap<string, string>, broker: BrokerConfig): LogConfig {
  const texts: Record<string, string> = {}
  for (const definition of TOPIC_CONFIGS) {
    const value = own.get(definition.name) ?? broker.topicDefault(definition)
    if (value !== null) texts[definition.name] = value
  }
  const override = own.get('internal.segment.bytes')
  if (override !== undefined) texts['segment.bytes'] = override
  return { ...logConfigOf(texts), producerIdExpirationMs: broker.number('producer.id.expiration.ms') }
}

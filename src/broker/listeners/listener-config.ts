import { HeliostatError } from '../../platform/errors.ts'
import type { BrokerConfig } from '../broker-config.ts'
import { brokerConfig } from '../broker-config.ts'
import { listOf, numberOf } from '../config-definition.ts'
import type { SaslMechanismName } from './listener-properties.ts'
import { namesOf } from './listener-properties.ts'

/** The broker's configuration as one listener sees it: its own values before the broker's. */
export class ListenerConfig {
  readonly listener: string
  readonly #config: BrokerConfig
  readonly #mechanism: SaslMechanismName | undefined

  constructor(config: BrokerConfig, listener: string, mechanism?: SaslMechanismName) {
    this.#config = config
    this.listener = listener
    this.#mechanism = mechanism
  }

  /** As a mechanism of this listener sees it. */
  of(mechanism: SaslMechanismName): ListenerConfig {
    return new ListenerConfig(this.#config, this.listener, mechanism)
  }

  text(property: string): string | undefined {
    const given = this.#names(property).map((name) => this.#config.given(name))
    return given.find((value) => value !== undefined) ?? brokerConfig(property)?.default ?? undefined
  }

  /** Without the value of the broker as a whole and without the default. */
  ownText(property: string): string | undefined {
    const given = this.#names(property).map((name) => (name === property ? undefined : this.#config.given(name)))
    return given.find((value) => value !== undefined)
  }

  /** Only what was given for the mechanism on the listener. */
  mechanismText(property: string): string | undefined {
    return this.#config.given(this.#names(property)[0]!)
  }

  number(property: string): number {
    return numberOf(this.text(property) ?? '')
  }

  list(property: string): string[] {
    return listOf(this.text(property) ?? '')
  }

  /** An error of the configuration that names the property as it would be written for this listener. */
  wrong(property: string, complaint: string): HeliostatError {
    const name = this.#names(property)[0]!
    const message = `listener ${this.listener}: ${name}: ${complaint}`
    return new HeliostatError('HEL_CONFIG', message, { where: { listener: this.listener, property: name } })
  }

  #names(property: string): string[] {
    return namesOf(this.listener, property, this.#mechanism)
  }
}

// Features (KIP-584): what the whole cluster agrees to do, each by a level that an operator finalizes. A row here says that this broker
// knows the feature and at which level a cluster begins that never was told otherwise.

import type { ReadonlyMetadataImage } from './coordinator/controller/metadata-image.ts'

interface FeatureDefinition {
  readonly name: string
  readonly minLevel: number
  readonly maxLevel: number
  readonly defaultLevel: number
}

/** Which records the metadata log may hold. 30: those of Kafka 4.3. */
export const METADATA_VERSION = 'metadata.version'
/** 1: flexible records in `__transaction_state`. 2: an epoch per transaction, and partitions added by the broker (KIP-890). */
export const TRANSACTION_VERSION = 'transaction.version'

/** 1: share groups (KIP-932). */
const SHARE_VERSION = 'share.version'

/** 1: groups of the consumer protocol (KIP-848). */
const GROUP_VERSION = 'group.version'

export const FEATURES: readonly FeatureDefinition[] = [
  { name: GROUP_VERSION, minLevel: 0, maxLevel: 1, defaultLevel: 1 },
  { name: METADATA_VERSION, minLevel: 7, maxLevel: 30, defaultLevel: 30 },
  { name: SHARE_VERSION, minLevel: 0, maxLevel: 1, defaultLevel: 1 },
  { name: TRANSACTION_VERSION, minLevel: 0, maxLevel: 2, defaultLevel: 2 },
]

type Finalized = Pick<ReadonlyMetadataImage, 'features'>

/** The level that holds in this cluster; 0: the feature is off. */
export function featureLevel(image: Finalized, name: string): number {
  return image.features.get(name) ?? FEATURES.find((feature) => feature.name === name)?.defaultLevel ?? 0
}

/** Whether groups of the consumer protocol are served. */
export function hasConsumerProtocol(image: Finalized): boolean {
  return featureLevel(image, GROUP_VERSION) > 0
}

/** Whether share groups are served. */
export function hasShareGroups(image: Finalized): boolean {
  return featureLevel(image, SHARE_VERSION) > 0
}

/** Every feature that is on, with its level. */
export function finalizedFeatures(image: Finalized): { name: string; level: number }[] {
  return FEATURES.map(({ name }) => ({ name, level: featureLevel(image, name) })).filter(({ level }) => level > 0)
}

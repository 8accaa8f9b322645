import { ErrorCode } from '../../../protocol/errors.ts'
import { FEATURES, featureLevel, METADATA_VERSION } from '../../features.ts'
import type { ItemError, UpdateFeaturesCommand } from './command.ts'
import type { ReadonlyMetadataImage } from './metadata-image.ts'
import type { MetadataRecord } from './metadata-record.ts'

/** As UpdateFeatures numbers them (KIP-778). */
export const UPGRADE_TYPE = { UPGRADE: 1, SAFE_DOWNGRADE: 2, UNSAFE_DOWNGRADE: 3 } as const

type Update = UpdateFeaturesCommand['updates'][number]

/** Decides UpdateFeatures (FeatureControlManager): all updates or none. */
export function updateFeatures(image: ReadonlyMetadataImage, nodeId: number, command: UpdateFeaturesCommand) {
  const { updates, validateOnly } = command
  const complaint = updates.map((update) => whyNot(image, nodeId, update)).find((found) => found !== undefined)
  if (complaint !== undefined) {
    const errorMessage = `The update failed for all features since the following feature had an error: ${complaint}`
    return { reply: { errorCode: ErrorCode.INVALID_UPDATE_VERSION, errorMessage }, records: [] }
  }
  const reply: ItemError = { errorCode: ErrorCode.NONE, errorMessage: null }
  if (validateOnly) return { reply, records: [] }
  const records = updates.map(({ name, level }): MetadataRecord => ({ type: 'feature', name, featureLevel: level }))
  return { reply, records }
}

function whyNot(image: ReadonlyMetadataImage, nodeId: number, { name, level, upgradeType }: Update) {
  const invalid = (why: string) => `Invalid update version ${level} for feature ${name}. ${why}`
  if (!(Object.values(UPGRADE_TYPE) as number[]).includes(upgradeType)) {
    return invalid('The controller does not support the given upgrade type.')
  }
  if (level < 0) return invalid('A feature version cannot be less than 0.')
  const feature = FEATURES.find((known) => known.name === name)
  if (!feature) return invalid(`Local controller ${nodeId} does not support this feature.`)
  if (level < feature.minLevel || level > feature.maxLevel) {
    return invalid(`Local controller ${nodeId} only supports versions ${feature.minLevel}-${feature.maxLevel}`)
  }
  const held = featureLevel(image, name)
  if (level < held && upgradeType === UPGRADE_TYPE.UPGRADE) {
    const types = 'the upgrade type to either safe or unsafe downgrade.'
    return invalid(`Can't downgrade the version of this feature without setting ${types}`)
  }
  if (level > held && upgradeType !== UPGRADE_TYPE.UPGRADE) return invalid("Can't downgrade to a newer version.")
  if (name !== METADATA_VERSION || level >= held) return undefined
  const why =
    upgradeType === UPGRADE_TYPE.UNSAFE_DOWNGRADE
      ? 'Unsafe metadata downgrade is not supported in this version.'
      : 'Refusing to perform the requested downgrade because it might delete metadata information.'
  return `Unsupported metadata.version downgrade from ${held} to ${level}. ${why}`
}

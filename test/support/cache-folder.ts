// Things that are fetched or built once for a machine and kept in the user's cache directory, never in the repository.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

/** A failure is not tried again by each test file of the same run. */
const failureMemoryMs = 600_000

export const cacheDirectory = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'heliostat')

export type CacheFolder =
  | { readonly folder: string; readonly reason?: undefined }
  | { readonly reason: string; readonly folder?: undefined }

/**
 * The folder of this name, filled by `fill` when it is not there; `fill` resolves to the reason when it cannot. Name a folder after
 * what it depends on. Two processes may fill it side by side: the first whole one stays.
 */
export async function cacheFolder(
  name: string,
  fill: (folder: string) => Promise<string | undefined>,
): Promise<CacheFolder> {
  const folder = join(cacheDirectory, name)
  if (existsSync(folder)) return { folder }
  const failed = `${folder}.failed`
  const failure = statSync(failed, { throwIfNoEntry: false })
  if (failure && Date.now() - failure.mtimeMs < failureMemoryMs) return { reason: readFileSync(failed, 'utf8') }
  mkdirSync(dirname(folder), { recursive: true })
  const growing = mkdtempSync(`${folder}.`)
  try {
    const reason = await fill(growing)
    if (reason !== undefined) {
      writeFileSync(failed, reason)
      return { reason }
    }
    // The rename makes the folder appear whole or not at all.
    if (!existsSync(folder)) renameSync(growing, folder)
    return { folder }
  } finally {
    rmSync(growing, { recursive: true, force: true })
  }
}

// Which voter comes or goes next.
import { expect, it } from 'vitest'
import { changedVoters, nextVoterChange, type VoterStanding } from '../../../src/broker/raft/voter-plan.ts'
import { bootstrapVoter, type VoterSet } from '../../../src/broker/raft/voter-set.ts'
import { SeededRandom } from '../../../src/simulation/seeded-random.ts'

/** `3!` is dead, `3-` has been unregistered. */
function voter(text: string): VoterStanding {
  return { nodeId: Number.parseInt(text, 10), isRegistered: !text.includes('-'), isHeard: !text.includes('!') }
}

/** What is done until nothing is left to do, where each change succeeds and whoever was replaced stays away. */
function story(voters: string, candidates: string): string[] {
  let standing = voters.split(' ').map(voter)
  let spare = candidates.split(' ').filter(Boolean).map(Number)
  const told: string[] = []
  for (let count = 0; count < 10; count++) {
    const change = nextVoterChange({ voters: standing, candidates: spare.map(bootstrapVoter) })
    if (!change) return told
    const ids = changedVoters(
      standing.map(({ nodeId }) => bootstrapVoter(nodeId)),
      change,
    ).map(({ nodeId }) => nodeId)
    told.push(ids.join(' '))
    standing = ids.map((id) => standing.find(({ nodeId }) => nodeId === id) ?? voter(String(id)))
    spare = spare.filter((id) => !ids.includes(id))
  }
  throw new Error(`it does not end: ${told.join(' · ')}`)
}

it.each([
  ['one alone stays alone', '1', '', []],
  ['two brokers have one voter', '1', '2', []],
  ['three have three', '1', '2 3', ['1 2', '1 2 3']],
  ['more have no more', '1 2 3', '4 5', []],
  ['two that were asked for stay two', '1 2', '', []],
  ['and take a third', '1 2', '3', ['1 2 3']],
  ['who is dead goes first, if there is another', '1 2 3!', '4', ['1 2', '1 2 4']],
  ['or else may come back', '1 2 3!', '', []],
  ['who is retired goes when another is there', '1 2 3-', '4', ['1 2 3 4', '1 2 4']],
  ['or without another', '1 2 3-', '', ['1 2']],
  ['the last but one, too', '1 2-', '', ['1']],
  ['the only one, when another has come', '1-', '2', ['1 2', '2']],
  ['and nobody when there is nobody', '1-', '', []],
  ['who is retired and dead goes at once', '1 2 3-!', '4', ['1 2', '1 2 4']],
])('%s', (_, voters, candidates, steps) => {
  expect(story(voters, candidates)).toEqual(steps)
})

it('comes to rest whatever there is, in steps of one, and has as many voters as it can', () => {
  const random = new SeededRandom(7)
  for (let round = 0; round < 500; round++) {
    const ids = [1, 2, 3, 4, 5, 6]
    const count = 1 + random.below(5)
    const voters = ids.slice(0, count).map((id) => `${id}${random.pick(['', '', '!', '-', '-!'])}`)
    const candidates = ids.slice(count, count + random.below(3))
    const steps = story(voters.join(' '), candidates.join(' '))
    let before: VoterSet = ids.slice(0, count).map(bootstrapVoter)
    for (const step of steps) {
      const after = step.split(' ').map((id) => bootstrapVoter(Number(id)))
      expect(Math.abs(after.length - before.length)).toBe(1)
      before = after
    }
    const isSound = (id: number) => voters.every((text) => Number.parseInt(text, 10) !== id || text === String(id))
    const all = [...voters.map((text) => Number.parseInt(text, 10)), ...candidates]
    const sound = all.filter(isSound).length
    const left = before.filter(({ nodeId }) => isSound(nodeId)).length
    const soundVoters = voters.filter((text) => isSound(Number.parseInt(text, 10))).length
    if (soundVoters > 0) expect(left).toBeGreaterThanOrEqual(Math.min(sound < 3 ? 1 : 3, sound))
  }
})

// The page asks the API once a second and draws what it says. When the daemon is silent, the last values stay, greyed, with
// their age: an old number is news, a zero would be a lie.

const flowsElement = document.getElementById('flows')
const verdict = document.getElementById('verdict')
const age = document.getElementById('age')
const login = document.getElementById('login')

let token = sessionStorage.getItem('token')
let lastAnswer

/** @param {string} path */
async function get(path) {
  const answer = await fetch(path, { headers: token ? { authorization: `Bearer ${token}` } : {} })
  if (answer.status === 401) {
    login.hidden = false
    throw new Error('a token is needed')
  }
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`)
  return answer.json()
}

login.addEventListener('submit', (event) => {
  event.preventDefault()
  token = document.getElementById('token').value
  sessionStorage.setItem('token', token)
  login.hidden = true
})

/** Builds an element; text goes in as text, never as markup. */
function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value)
  node.append(...children)
  return node
}

const count = (number) => Math.round(number).toLocaleString('en-US')
const seconds = (number) =>
  number < 10 ? `${number.toFixed(1)} s` : number < 120 ? `${Math.round(number)} s` : `${Math.round(number / 60)} min`

function bytes(number) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  const unit = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, number)) / 10))
  return `${(number / 1024 ** unit).toFixed(unit === 0 ? 0 : 1)} ${units[unit]}`
}

const mood = (flow) =>
  flow.stoppedPartitions > 0 || flow.state.endsWith('unavailable') || flow.state === 'stopped'
    ? 'bad'
    : flow.state === 'running' && flow.rpoSeconds <= flow.rpoTargetSeconds
      ? 'good'
      : 'busy'

const stopped = ({ stoppedPartitions }) => (stoppedPartitions > 0 ? [`${count(stoppedPartitions)} stopped`] : [])

function flowCard(flow, topics, groups, gaps, sync) {
  const cut = flow.state.endsWith('unavailable')
  const facts = [
    ['State', element('span', { class: 'state' }, [flow.state, ...stopped(flow)].join(' · '))],
    ['Would be lost now', `${count(flow.rpoRecords)} records`],
    ['Oldest, of allowed', `${seconds(flow.rpoSeconds)} of ${seconds(flow.rpoTargetSeconds)}`],
    ['Rate', `${count(flow.recordsPerSecond)}/s · ${bytes(flow.bytesPerSecond)}/s`],
    ['Records mirrored', count(flow.records)],
    ['Gaps', flow.gaps === 0 ? 'none' : `${count(flow.gaps)} · ${count(flow.gapRecords)} records`],
    [
      'Groups',
      flow.groupsBlocked > 0 ? `${flow.groups - flow.groupsBlocked} of ${flow.groups} ready` : `${flow.groups} ready`,
    ],
  ]
  return element(
    'section',
    { class: `flow ${mood(flow)}${cut ? ' cut' : ''}` },
    element(
      'div',
      { class: 'path' },
      element('div', { class: 'cluster' }, flow.source),
      element(
        'div',
        { class: 'arrow' },
        element('span', { title: flow.flow }, flow.flow),
        element('i', {}, cut ? '✕' : '▶'),
      ),
      element('div', { class: 'cluster' }, flow.target),
    ),
    ...(flow.reason ? [element('p', { class: 'reason' }, flow.reason)] : []),
    element(
      'dl',
      {},
      ...facts.map(([name, value]) => element('div', {}, element('dt', {}, name), element('dd', {}, value))),
    ),
    ...[gapTable(gaps), driftTable(sync), topicTable(topics), groupTable(groups)]
      .filter((found) => found !== undefined)
      .map((found) => element('div', { class: 'scroll' }, found)),
  )
}

function table(caption, heads, rows) {
  const isSentence = (index) => index === heads.length - 1 && ['State', 'Why'].includes(heads[index])
  const kind = (index) =>
    heads[index].startsWith('#') ? { class: 'number' } : isSentence(index) ? { class: 'sentence' } : {}
  const line = (tag, cells) => element('tr', {}, ...cells.map((cell, index) => element(tag, kind(index), cell)))
  return element(
    'table',
    {},
    element('caption', {}, caption),
    element(
      'thead',
      {},
      line(
        'th',
        heads.map((head) => head.replace('#', '')),
      ),
    ),
    element('tbody', {}, ...rows.map((row) => line('td', row))),
  )
}

const topicsShown = 20

function topicTable(topics) {
  if (topics.length === 0) return undefined
  const lag = (topic) => topic.partitions.reduce((sum, partition) => sum + partition.lagRecords, 0)
  const worst = [...topics].sort((a, b) => lag(b) - lag(a) || a.topic.localeCompare(b.topic)).slice(0, topicsShown)
  const rows = worst.map((topic) => {
    const troubled = topic.partitions.filter((partition) => partition.reason)
    const told = troubled.find((partition) => partition.state === 'stopped') ?? troubled[0]
    const states = [...new Set(topic.partitions.map((partition) => partition.state))].join(', ')
    const reason = told ? `${states} · partition ${told.partition}: ${told.reason}` : states
    return [topic.topic, topic.remoteTopic, count(topic.partitions.length), count(lag(topic)), reason]
  })
  const more = topics.length > topicsShown ? `, the ${topicsShown} furthest behind of ${topics.length}` : ''
  return table(`Topics${more}`, ['Topic', 'On the target', '#Partitions', '#Behind', 'State'], rows)
}

function groupTable(groups) {
  if (groups.length === 0) return undefined
  const rows = groups.map((group) => {
    const blocked = group.partitions.find((partition) => partition.blocked)
    const why = blocked ? `${blocked.topic}-${blocked.partition}: ${blocked.blocked}` : ''
    const known = group.partitions.filter((partition) => partition.reread !== undefined)
    const reread = known.reduce((sum, partition) => sum + partition.reread, 0)
    const again = known.length === 0 ? '–' : count(reread)
    return [group.group, group.state, count(group.partitions.length), again, why]
  })
  return table('Consumer groups', ['Group', 'State', '#Partitions', '#Would read again', 'Why'], rows)
}

const gapsShown = 20
const range = ({ from, to }) => (from === to ? `from ${from} on` : to - from === 1 ? `${from}` : `${from} to ${to - 1}`)

/** The ledger, the newest first; undefined when it is empty, as it should be. */
function gapTable(gaps) {
  if (gaps.length === 0) return undefined
  const newest = [...gaps].reverse().slice(0, gapsShown)
  const rows = newest.map((gap) => [
    new Date(gap.seenAt).toLocaleString(),
    `${gap.topic}-${gap.partition}`,
    gap.reason,
    range(gap),
    gap.downstream ? range(gap.downstream) : '',
    gap.action,
  ])
  const more = gaps.length > gapsShown ? `, the last ${gapsShown} of ${gaps.length}` : ''
  return table(`Gap ledger${more}`, ['Seen', 'Partition', 'Reason', 'At the source', 'On the target', 'Then'], rows)
}

/** What could not be had beside the records, and what will be deleted; undefined when there is nothing. */
function driftTable({ refusedTopics, refusedConfigs, refusedAcls, fewerReplicas, pendingDeletes }) {
  const rows = [
    ...refusedTopics.map(({ topic, reason }) => [topic, reason]),
    ...refusedConfigs.map(({ topic, name, value, reason }) => [
      topic,
      `${value === null ? `the default of ${name}` : `${name}=${value}`}: ${reason}`,
    ]),
    ...refusedAcls.map(({ acl, reason }) => [acl.resourceName, `an access rule for ${acl.principal}: ${reason}`]),
    ...fewerReplicas.map(({ topic, wanted, given }) => [topic, `${given} of ${wanted} replicas`]),
    ...pendingDeletes.map(({ topic, remoteTopic, dueAt }) => [
      remoteTopic,
      `will be deleted at ${new Date(dueAt).toLocaleString()}, unless ${topic} comes back`,
    ]),
  ]
  return rows.length === 0 ? undefined : table('Not in step', ['What', 'Why'], rows)
}

function sentence(flows) {
  if (flows.length === 0) return 'No flows.'
  const bad = flows.filter((flow) => mood(flow) === 'bad')
  const lost = flows.reduce((sum, flow) => sum + flow.rpoRecords, 0)
  const ready = flows.reduce((sum, flow) => sum + flow.groups - flow.groupsBlocked, 0)
  const all = flows.reduce((sum, flow) => sum + flow.groups, 0)
  const state =
    bad.length > 0
      ? bad.map((flow) => `${flow.flow} is ${[flow.state, ...stopped(flow)].join(', ')}`).join('; ')
      : 'All flows are up'
  return `${state} · if the sources died now: ${count(lost)} records lost, ${ready} of ${all} groups go on exactly where they were`
}

/** Tables that say what they said stay, with what is selected in them; the others stay where they were scrolled to. */
function show(cards) {
  const before = [...flowsElement.querySelectorAll('.scroll')]
  const after = cards.flatMap((card) => [...card.querySelectorAll('.scroll')])
  const places = before.map((old) => old.scrollLeft)
  const fresh = after.map((anew, index) => {
    const old = before[index]
    if (old?.outerHTML !== anew.outerHTML) return anew
    anew.replaceWith(old)
    return old
  })
  flowsElement.replaceChildren(...cards)
  for (const [index, one] of fresh.entries()) if (places[index]) one.scrollLeft = places[index]
}

async function refresh() {
  try {
    const flows = await get('/api/v1/flows')
    const cards = await Promise.all(
      flows.map(async (flow) => {
        const path = `/api/v1/flows/${encodeURIComponent(flow.flow)}`
        const parts = ['topics', 'groups', 'gaps', 'sync'].map((part) => get(`${path}/${part}`))
        return flowCard(flow, ...(await Promise.all(parts)))
      }),
    )
    show(cards)
    verdict.textContent = sentence(flows)
    document.body.classList.remove('stale')
    lastAnswer = Date.now()
    age.textContent = ''
  } catch (error) {
    document.body.classList.add('stale')
    const since =
      lastAnswer === undefined ? '' : ` for ${seconds((Date.now() - lastAnswer) / 1_000)}; the values are of then`
    age.textContent = `No answer from heliostat${since} (${error.message})`
  }
}

refresh()
setInterval(refresh, 1_000)

// Plays the scenarios against the built identity-server and compares what it answers with the recordings.
//
//   node run.mjs                        all scenarios, on SQLite; on PostgreSQL when TEST_DATABASE_URL is set
//   node run.mjs --only session         only the scenarios whose name begins so
//   node run.mjs --reference URL,...    plays against servers that already run, as profile=url, and allows no difference
//   node run.mjs --record FILE          with --reference: writes the traces instead of comparing them
//
// It shows the first drifts of a scenario; DRIFTS=all shows every one. IDENTITY_SERVER_BIN names the binary; the default is
// target/debug/identity-server.
import fs from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Differences, drifts } from './lib/compare.mjs';
import { runScenario } from './lib/scenario.mjs';
import { startTarget } from './lib/target.mjs';
import { PROFILES } from './profiles.mjs';
import { own } from './scenarios/own.mjs';
import { recorded } from './scenarios/recorded.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const { values: options } = parseArgs({ options: { only: { type: 'string' }, reference: { type: 'string' }, record: { type: 'string' } } });
const readJson = async (name) => JSON.parse(await fs.readFile(path.join(here, name), 'utf8'));

async function main() {
  const references = options.reference && Object.fromEntries(options.reference.split(',').map((pair) => pair.split(/=(.*)/s)));
  const scenarios = (references ? recorded : [...recorded, ...own]).filter(({ name }) => name.startsWith(options.only ?? ''));
  if (!scenarios.length) throw new Error(`no scenario begins with ${options.only}`);
  const servers = references ? [] : await startServers();
  try {
    const targets = references ?? Object.fromEntries(servers.map(({ name, base }) => [name, base]));
    const traces = {};
    for (const scenario of scenarios) traces[scenario.name] = await runScenario(scenario, targets);
    if (options.record) return await record(traces);
    return await compare(traces, new Differences(references ? [] : await readJson('differences.json')), servers);
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
}

async function startServers() {
  const binary = path.resolve(process.env.IDENTITY_SERVER_BIN ?? path.join(here, '../../target/debug/identity-server'));
  const postgres = process.env.TEST_DATABASE_URL;
  const starts = Object.entries(PROFILES).map(async ([name, profile]) => ({ name, ...(await startTarget({ name, profile, binary, postgres })) }));
  const results = await Promise.allSettled(starts);
  const failure = results.find((result) => result.status === 'rejected');
  const servers = results.filter((result) => result.status === 'fulfilled').map((result) => result.value);
  if (!failure) return servers;
  await Promise.all(servers.map((server) => server.stop()));
  throw failure.reason;
}

async function compare(traces, differences, servers) {
  const expected = { ...(await readJson('traces.json')).scenarios, ...(await readJson('expected.json')) };
  const failed = new Set();
  const limit = process.env.DRIFTS === 'all' ? Infinity : 12;
  for (const [name, trace] of Object.entries(traces)) {
    let shown = 0;
    const found = expected[name] ? expected[name].map((step, i) => [step, trace[i], i]) : [];
    const longer = trace.slice(found.length).map((step, i) => [undefined, step, found.length + i]);
    for (const [step, got, i] of [...found, ...longer]) {
      for (const drift of drifts(`${name}#${i}`, step, got)) {
        if (differences.allows(drift)) continue;
        failed.add(name);
        if (++shown > limit) continue;
        console.log(`DRIFT ${drift.path}\n   expected ${JSON.stringify(drift.expected)}\n   got      ${JSON.stringify(drift.got)}`);
      }
    }
    if (shown > limit) console.log(`DRIFT ${name}: and ${shown - limit} more`);
  }
  for (const { path: place, reason } of differences.unused(Object.keys(traces))) {
    failed.add(place.split('#')[0]);
    console.log(`NO LONGER DIFFERENT ${place}\n   listed because: ${reason}`);
  }
  if (failed.size) for (const { name, log } of servers) console.log(`--- log of ${name}\n${log().split('\n').slice(-20).join('\n')}`);
  console.log(`${Object.keys(traces).length - [...failed].filter((name) => name in traces).length} passed, ${failed.size} failed`);
  return failed.size === 0;
}

async function record(traces) {
  const recording = { recordedAt: new Date().toISOString().slice(0, 10), server: process.env.SERVER_LABEL ?? 'unknown', scenarios: traces };
  await fs.writeFile(options.record, `${JSON.stringify(recording, null, 1)}\n`);
  return true;
}

process.exitCode = (await main()) ? 0 : 1;

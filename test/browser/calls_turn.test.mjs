// Two people who can reach each other by way of a TURN server alone, and what happens when it goes away.

import assert from 'node:assert/strict';
import test from 'node:test';
import { startServer } from '../e2e/lib/server.mjs';
import {
  allSeeEachOther, caller, connectionsOf, createRoom, enter, keepConnections, launchWithDevices, smallPictures, tileOf,
} from './lib/calls.mjs';
import { startCoturn } from './lib/coturn.mjs';

function relayOnly() {
  const Real = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Real {
    constructor(configuration) {
      super({ ...configuration, iceTransportPolicy: 'relay' });
    }
  };
}

async function relayed(t) {
  const browser = await launchWithDevices(t);
  const relay = await startCoturn(t);
  const server = await startServer(t, { args: relay.args });
  const id = await createRoom(server, 'ada', 'relayed');
  const pages = {};
  for (const name of ['ada', 'bob']) {
    const context = await caller(t, browser, server, name, { viewport: { width: 1000, height: 700 }, init: [smallPictures, relayOnly, keepConnections] });
    pages[name] = await enter(context, id);
  }
  await allSeeEachOther(pages);
  return { relay, ...pages, pages };
}

test('two people are connected by a relay, and see that it is one', async (t) => {
  const { pages } = await relayed(t);
  for (const page of Object.values(pages)) {
    const types = await page.evaluate(async () => {
      const reports = [...(await window.connections[0].getStats()).values()];
      const pair = reports.find(({ id: key }) => key === reports.find(({ type }) => type === 'transport').selectedCandidatePairId);
      return [pair.localCandidateId, pair.remoteCandidateId].map((key) => reports.find((report) => report.id === key).candidateType);
    });
    assert.deepEqual(types, ['relay', 'relay']);
    await page.locator('.tile__quality:not([hidden])[aria-label*="by relay"]').waitFor();
  }
});

test('a path that breaks is said, waited for, and found anew by the same connection', async (t) => {
  const { relay, ada, bob, pages } = await relayed(t);
  await relay.stop();
  const others = [tileOf(ada, 'bob').and(ada.locator('[data-state="reconnecting"]')), tileOf(bob, 'ada').and(bob.locator('[data-state="reconnecting"]'))];
  await Promise.all(others.map((tile) => tile.waitFor()));
  relay.start();
  await Promise.all([tileOf(ada, 'bob').and(ada.locator('[data-state="connected"]')).waitFor(), tileOf(bob, 'ada').and(bob.locator('[data-state="connected"]')).waitFor()]);
  await allSeeEachOther(pages);
  for (const page of Object.values(pages)) assert.equal(await connectionsOf(page), 1);
});

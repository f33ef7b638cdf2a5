// Two people who can reach each other by way of a TURN server alone.

import assert from 'node:assert/strict';
import test from 'node:test';
import { startServer } from '../../e2e/lib/server.mjs';
import { allSeeEachOther, caller, createRoom, enter, keepConnections, launchWithDevices, smallPictures } from '../lib/calls.mjs';
import { needsCoturn, startCoturn } from '../lib/coturn.mjs';

function relayOnly() {
  const Real = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Real {
    constructor(configuration) {
      super({ ...configuration, iceTransportPolicy: 'relay' });
    }
  };
}

test('two people are connected by a relay, and see that it is one', needsCoturn, async (t) => {
  const browser = await launchWithDevices(t);
  const relay = await startCoturn(t);
  const server = await startServer(t, { args: relay });
  const id = await createRoom(server, 'ada', 'relayed');
  const pages = {};
  for (const name of ['ada', 'bob']) {
    const context = await caller(t, browser, server, name, { viewport: { width: 1000, height: 700 }, init: [smallPictures, relayOnly, keepConnections] });
    pages[name] = await enter(context, id);
  }
  await allSeeEachOther(pages);
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

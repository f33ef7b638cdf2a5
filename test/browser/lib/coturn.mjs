// A TURN server, coturn, on loopback, which shares a secret with ours.

import { spawn, spawnSync } from 'node:child_process';
import dgram from 'node:dgram';
import fs from 'node:fs';
import path from 'node:path';
import { tempFolder } from '../../e2e/lib/server.mjs';

const SECRET = 'a secret that only two servers know';

const hasCoturn = spawnSync('turnserver', ['--version']).error === undefined;
export const needsCoturn = hasCoturn ? {} : { skip: 'turnserver is not installed: apt-get install coturn' };

function freePort() {
  const socket = dgram.createSocket('udp4');
  return new Promise((resolve) => {
    socket.bind(0, '127.0.0.1', () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}

// Gives the arguments with which our server hands out credentials for it.
export async function startCoturn(t) {
  const port = await freePort();
  const folder = tempFolder(t);
  const secretFile = path.join(folder, 'secret');
  fs.writeFileSync(secretFile, `${SECRET}\n`);
  const child = spawn('turnserver', [
    '-n', '--use-auth-secret', `--static-auth-secret=${SECRET}`, '--realm=parlor.test', '--listening-ip=127.0.0.1',
    '--relay-ip=127.0.0.1', `--listening-port=${port}`, '--no-tls', '--no-dtls', '--no-cli', '--no-tcp',
    '--allow-loopback-peers', '--log-file=stdout', '--simple-log', `--pidfile=${path.join(folder, 'pid')}`,
    `--userdb=${path.join(folder, 'db')}`,
  ], { cwd: folder, stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const kill = () => child.kill('SIGKILL');
  process.on('exit', kill);
  t.after(async () => {
    kill();
    await ended;
  });
  return ['--ice-server', JSON.stringify({ urls: `turn:127.0.0.1:${port}?transport=udp` }), '--turn-secret-file', secretFile];
}

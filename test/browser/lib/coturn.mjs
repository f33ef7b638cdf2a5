// A TURN server, coturn, on loopback, which shares a secret with ours.

import { spawn } from 'node:child_process';
import dgram from 'node:dgram';
import fs from 'node:fs';
import path from 'node:path';
import { cleanUp, tempFolder } from '../../e2e/lib/server.mjs';

const SECRET = 'a secret that only two servers know';

function freePort() {
  const socket = dgram.createSocket('udp4');
  return new Promise((resolve) => {
    socket.bind(0, '127.0.0.1', () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}

// relay.args: with which our server hands out credentials for it. relay.stop() and relay.start() take it away and
// bring it back, on the same port, with nothing that it knew.
export async function startCoturn(t) {
  const relay = new Relay(await freePort(), tempFolder(t));
  cleanUp(t, () => relay.stop());
  relay.start();
  return relay;
}

class Relay {
  constructor(port, folder) {
    this._port = port;
    this._folder = folder;
    this._secretFile = path.join(folder, 'secret');
    fs.writeFileSync(this._secretFile, `${SECRET}\n`);
    this._kill = () => this._child.kill('SIGKILL');
    process.on('exit', this._kill);
  }

  get args() {
    return ['--ice-server', JSON.stringify({ urls: `turn:127.0.0.1:${this._port}?transport=udp` }), '--turn-secret-file', this._secretFile];
  }

  start() {
    this._child = spawn('turnserver', [
      '-n', '--use-auth-secret', `--static-auth-secret=${SECRET}`, '--realm=parlor.test', '--listening-ip=127.0.0.1',
      '--relay-ip=127.0.0.1', `--listening-port=${this._port}`, '--no-tls', '--no-dtls', '--no-cli', '--no-tcp',
      '--allow-loopback-peers', '--log-file=stdout', '--simple-log', `--pidfile=${path.join(this._folder, 'pid')}`,
      `--userdb=${path.join(this._folder, 'db')}`,
    ], { cwd: this._folder, stdio: 'ignore' });
    this._ended = new Promise((resolve) => this._child.once('close', resolve));
  }

  async stop() {
    this._kill();
    await this._ended;
  }
}

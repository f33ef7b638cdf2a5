// Starts the real server on a free port, in a folder of its own, and takes both away again.
//
//     const server = await startServer(t, { args: ['--require-login'] });
//     server.url, server.port, server.pid, server.stderr
//     await server.stop();      SIGTERM; fails the test unless the exit is clean
//     await server.kill9();     SIGKILL
//     await server.restart();   same port, same database
//
// `t` is a test's context, or the object `file` below for a server that the whole file shares. Cleaning up stops a server that still runs, and holds it to a clean exit.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after } from 'node:test';

export const SERVER = process.env.SERVER;
export const STATIC = process.env.STATIC;

// Only a guard against hanging forever: no test learns anything from how long something takes.
export const GUARD_MS = 60_000;

// What must be undone when a test ends, the newest first. All of it is done even if a part of it
// fails: node:test alone would stop at the first failure, and leave servers behind.
const toUndo = new WeakMap();
export function cleanUp(t, undo) {
  if (!toUndo.has(t)) {
    const list = [];
    toUndo.set(t, list);
    t.after(async () => {
      const errors = [];
      for (const one of list.reverse()) {
        try {
          await one();
        } catch (error) {
          errors.push(error);
        }
      }
      if (errors.length > 0) throw errors[0];
    });
  }
  toUndo.get(t).push(undo);
}

export const file = { after: (fn) => after(fn) };

const living = new Set();
const folders = new Set();
process.on('exit', () => {
  for (const child of living) {
    try {
      process.kill(child.pid, 'SIGKILL');
    } catch {
      // It ended by itself in the meantime.
    }
  }
  for (const folder of folders) fs.rmSync(folder, { recursive: true, force: true });
});

function makeFolder() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'parlor-test-'));
  folders.add(folder);
  return folder;
}

function removeFolder(folder) {
  fs.rmSync(folder, { recursive: true, force: true });
  folders.delete(folder);
}

export function tempFolder(t) {
  const folder = makeFolder();
  cleanUp(t, () => removeFolder(folder));
  return folder;
}

export function within(promise, what, ms = GUARD_MS) {
  let timer;
  const guard = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${ms} ms in vain for ${what}`)), ms);
  });
  return Promise.race([promise, guard]).finally(() => clearTimeout(timer));
}

// For what can only be asked again and again.
export async function until(condition, what) {
  const deadline = Date.now() + GUARD_MS;
  while (!condition()) {
    assert.ok(Date.now() < deadline, `waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

// What sanitizers say goes to standard error, and not all of it ends the process.
function assertSane(stderr) {
  assert.doesNotMatch(stderr, /runtime error:|ERROR: \w+Sanitizer/);
}

// Runs the server to its end: for --help and for everything that makes it refuse to start. `meanwhile` gets the process.
export async function runServer(args, { cwd = os.tmpdir(), executable = SERVER, meanwhile = () => {} } = {}) {
  const child = spawn(executable, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  living.add(child);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  const ended = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal }));
  });
  try {
    await meanwhile(child);
    const { code, signal } = await within(ended, `the end of: server ${args.join(' ')}`);
    assertSane(stderr);
    return { code, signal, stdout, stderr };
  } finally {
    child.kill('SIGKILL');
    living.delete(child);
  }
}

class Server {
  constructor(options) {
    this.options = options;
    this.db = options.db;
    this.folder = options.folder;
    this.stderr = '';
    this.stdout = '';
    this.running = false;
    this.clients = new Set();
  }

  async start(port) {
    const { args, static: staticFolder, host, env, executable, limitFileKiB, limitFiles, cwd, omitDb } = this.options;
    const all = ['--port', String(port)];
    if (!omitDb) all.push('--db', this.db);
    if (staticFolder) all.push('--static', staticFolder);
    if (host) all.push('--host', host);
    all.push(...args);
    let command = executable;
    let commandArgs = all;
    if (limitFileKiB) {
      // Ignoring SIGXFSZ survives exec: writing past the limit is an error, as on a full disk.
      command = 'bash';
      const script = 'trap "" XFSZ; ulimit -f "$1"; shift; exec "$@"';
      commandArgs = ['-c', script, 'bash', String(limitFileKiB), executable, ...all];
    }
    if (limitFiles) {
      const script = 'ulimit -Sn "$1" && ulimit -Hn "$2" && shift 2 && exec "$@"';
      commandArgs = ['-c', script, 'bash', String(limitFiles.soft), String(limitFiles.hard), command, ...commandArgs];
      command = 'bash';
    }
    const child = spawn(command, commandArgs, {
      cwd: cwd ?? this.folder,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    living.add(child);
    this.child = child;
    this.running = true;
    this.stdout = '';
    child.stderr.setEncoding('utf8').on('data', (text) => (this.stderr += text));
    this.exited = new Promise((resolve) => {
      child.on('close', (code, signal) => {
        living.delete(child);
        this.running = false;
        resolve({ code, signal });
      });
    });
    const ready = new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) =>
        reject(new Error(`the server ended (${code ?? signal}): ${this.stderr}`)));
      child.stdout.setEncoding('utf8').on('data', (text) => {
        this.stdout += text;
        const line = /^listening on (http:\/\/(\S+):(\d+))\n/.exec(this.stdout);
        if (line) resolve(line);
      });
    });
    const line = await within(ready, `"listening on", got ${this.stdout}${this.stderr}`);
    this.url = line[1];
    this.host = line[2].replace(/^\[(.*)\]$/, '$1');
    this.port = Number(line[3]);
    this.authority = `${line[2]}:${line[3]}`;
    this.pid = child.pid;
    return this;
  }

  async stop(signal = 'SIGTERM') {
    if (!this.running) return;
    this.child.kill(signal);
    const how = await within(this.exited, `the server's end after ${signal}`);
    assertSane(this.stderr);
    assert.deepEqual(how, { code: 0, signal: null }, `unclean exit, and it said: ${this.stderr}`);
  }

  async kill9() {
    this.child.kill('SIGKILL');
    await within(this.exited, 'the end after SIGKILL');
  }

  async restart(changes = {}) {
    await this.stop();
    return this.startAgain(changes);
  }

  async startAgain(changes = {}) {
    Object.assign(this.options, changes);
    return this.start(this.port);
  }

  // Processor time that the server has used so far, in ms.
  cpuMs() {
    const stat = fs.readFileSync(`/proc/${this.pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10; // in hundredths of a second (USER_HZ)
  }

  // Descriptors that it has open.
  descriptors() {
    return fs.readdirSync(`/proc/${this.pid}/fd`).length;
  }

  // Memory that is really there, now and at its highest, in MiB.
  memory() {
    const status = fs.readFileSync(`/proc/${this.pid}/status`, 'utf8');
    const mib = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)[1]) / 1024;
    return { now: mib('VmRSS'), peak: mib('VmHWM') };
  }
}

export async function startServer(t, options = {}) {
  assert.ok(SERVER, 'the environment variable SERVER must name the server to test');
  const folder = makeFolder();
  const server = new Server({
    args: [],
    static: STATIC,
    env: {},
    executable: SERVER,
    port: 0,
    folder,
    db: path.join(folder, 'server.db'),
    ...options,
    // One address asks much more often here than a person would.
    ...(options.args?.includes('--auth-rate')
      ? {}
      : { args: [...(options.args ?? []), '--auth-rate', '0'] }),
  });
  cleanUp(t, async () => {
    try {
      // First the clients, so that no server has to wait for one that does not answer its close.
      for (const client of server.clients) client.destroy();
      await server.stop();
    } finally {
      if (server.running) await server.kill9();
      removeFolder(folder);
    }
  });
  await server.start(server.options.port);
  return server;
}

// A small front end in the layout of the course's `public` folder.

import fs from 'node:fs';
import path from 'node:path';
import { tempFolder } from './server.mjs';

export const PAGES = {
  '/': 'index.html',
  '/register': 'register.html',
  '/login': 'login.html',
  '/test-websocket': 'test-websocket.html',
  '/drawing-board': 'drawing-board.html',
  '/direct-messaging': 'direct-messaging.html',
  '/chat': 'chat.html',
  '/video-call': 'video-call.html',
  '/video-call/0123456789abcdef01234567': 'video-call-room.html',
};

export const LAYOUT = ['<!DOCTYPE html>\n<title>Fixture</title>\n<main>', '</main>\n<footer>é</footer>\n'];
export const SECRET = 'Zq7-outside-of-the-folder';

// Gives the path of DIR. What lies beside it holds SECRET and must never be served.
export function fixture(t, { layout = true } = {}) {
  const outside = tempFolder(t);
  const dir = path.join(outside, 'public');
  const write = (name, content) => {
    const full = path.join(dir, name);
    fs.mkdirSync(path.dirname(full), { recursive: true });
    fs.writeFileSync(full, content);
  };
  for (const [route, name] of Object.entries(PAGES)) write(name, `<p>page ${route} ü</p>\n`);
  if (layout) write('layout/layout.html', LAYOUT.join('{{content}}'));
  write('style.css', 'body { color: #123; }\n');
  write('empty.txt', '');
  write('digits.txt', '0123456789');
  write('sub/inner.txt', 'inner\n');
  write('with space.txt', 'space\n');
  write('a+b.txt', 'plus\n');
  write('größe.txt', 'umlaut\n');
  write('.hidden', 'hidden\n');
  fs.writeFileSync(path.join(outside, 'secret.txt'), SECRET);
  fs.mkdirSync(path.join(outside, 'public-twin'));
  fs.writeFileSync(path.join(outside, 'public-twin/secret.txt'), SECRET);
  return dir;
}

/* words.js - names in a row, and what the browser says about cameras and microphones, in words that help. */

const NAMES = { camera: 'camera', microphone: 'microphone' };

/* "ada", "ada and bob", "ada, bob and eve" */
export const listed = (names) => (names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`);

/* Is there any way to a camera from this page? */
export const canCapture = () => Boolean(window.isSecureContext && navigator.mediaDevices?.getUserMedia);

export const INSECURE = 'This address is not secure, and browsers give camera and microphone to secure pages alone: open Parlor by https, or as localhost on the machine that runs it. You can still join, see and hear.';

/* kind: camera or microphone. Gives { kind, reason, text }; reason: insecure, refused, system, missing, busy, unknown */
export function problemOf(kind, error) {
  const device = NAMES[kind];
  const say = (reason, text) => ({ kind, reason, text });
  if (!canCapture()) return say('insecure', INSECURE);
  switch (error?.name) {
    case 'NotAllowedError':
    case 'SecurityError':
      if (/system/i.test(error.message)) return say('system', `Your system does not let the browser use the ${device}. Its privacy settings can change that.`);
      return say('refused', `This page may not use your ${device}. Allow it beside the address of the page, then try again.`);
    case 'NotFoundError':
    case 'OverconstrainedError':
      return say('missing', `No ${device} was found. When you plug one in, it will be offered here.`);
    case 'NotReadableError':
    case 'AbortError':
      return say('busy', `The ${device} does not start. Another program may be using it.`);
    default:
      return say('unknown', `The ${device} does not start.`);
  }
}

/* Both at once in one sentence where they fail for the same reason. */
export function sayProblems({ microphone, camera }) {
  const both = [microphone, camera].filter(Boolean);
  if (both.length < 2 || microphone.reason !== camera.reason) return both.map(({ text }) => text);
  switch (camera.reason) {
    case 'insecure': return [INSECURE];
    case 'refused': return ['This page may not use your camera and microphone. Allow them beside the address of the page, then try again. You can also join without: you see and hear the others.'];
    case 'missing': return ['No camera and no microphone were found. You can join all the same: you see and hear the others.'];
    default: return both.map(({ text }) => text);
  }
}

// Processes: their CPU time, a free port, waiting for a condition.
import { readFileSync } from 'node:fs';
import { createSocket } from 'node:dgram';
import { setTimeout as pause } from 'node:timers/promises';

const ticksPerSecond = 100; // USER_HZ

// Microseconds of CPU a process used, all threads: user and system.
export function cpuUs(pid) {
  const fields = readFileSync(`/proc/${pid}/schedstat`, 'utf8'); // main thread only: see below
  void fields;
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const rest = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { user: (Number(rest[11]) * 1e6) / ticksPerSecond, system: (Number(rest[12]) * 1e6) / ticksPerSecond };
}

export async function freePort() {
  const socket = createSocket('udp4');
  await new Promise((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const { port } = socket.address();
  await new Promise((resolve) => socket.close(resolve));
  return port;
}

export async function until(what, condition, timeoutMs = 10000) {
  const end = Date.now() + timeoutMs;
  while (Date.now() < end) {
    if (await condition()) return;
    await pause(20);
  }
  throw new Error(`waited in vain for ${what}`);
}

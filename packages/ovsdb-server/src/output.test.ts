/** Long answers leave in order, and whoever asks for more than can be made is not read meanwhile. */
import { expect, it, vi } from 'vitest';
import { Output } from './output.ts';
import type { Piece } from './pieces.ts';
import { Slices } from './slices.ts';

/** A client that reads nothing, or all at once. */
class Client {
  queuedBytes = 0;
  readonly got: string[] = [];
  readonly calls: string[] = [];
  reads = true;

  sendText(message: string | Uint8Array): void {
    this.got.push(String(message));
    if (!this.reads) this.queuedBytes += message.length;
  }
  excuseSilence(): void {}
  owe(): void {}
  hold(): void {
    this.calls.push('hold');
  }
  release(): void {
    this.calls.push('release');
  }
  pauseUntilDrained(): void {}
  close(error?: Error): void {
    this.calls.push(`close: ${error?.message}`);
  }
}

/** The first piece is longer than what a client may leave unread, and the clock passes while it is made. */
const long = (name: string): Piece[] => [
  `<${name}>`,
  () => {
    vi.advanceTimersByTime(1000);
    return 'x'.repeat(16 << 20);
  },
  () => 'y',
  `</${name}>`,
];

const names = (client: Client): string[] => client.got.join('').match(/<?\/?[a-w]+>?/g) ?? [];

it('sends what follows a long answer after it, and does not ask for more until all has left', () => {
  vi.useFakeTimers({ toFake: ['performance', 'setImmediate'] });
  try {
    const client = new Client();
    client.reads = false;
    const onReady = vi.fn();
    const output = new Output(client, new Slices(), onReady);
    output.stream(long('a'));
    expect(client.calls).toEqual([]);
    output.send('<b>');
    output.stream(long('c'));
    output.stream(long('d'));
    expect(client.calls).toEqual(['hold']);
    vi.runAllTimers();
    expect(names(client)).toEqual(['<a>']);
    expect(output.ready).toBe(false);
    for (let i = 0; i < 2; i++) {
      client.queuedBytes = 0;
      output.drained();
      vi.runAllTimers();
    }
    expect(names(client)).toEqual(['<a>', '</a>', '<b>', '<c>', '</c>', '<d>']);
    expect(client.calls).toEqual(['hold']);
    client.reads = true;
    client.queuedBytes = 0;
    output.drained();
    vi.runAllTimers();
    expect(names(client)).toEqual(['<a>', '</a>', '<b>', '<c>', '</c>', '<d>', '</d>']);
    expect(client.calls).toEqual(['hold', 'release']);
    expect(onReady).toHaveBeenCalled();
  } finally {
    vi.useRealTimers();
  }
});

it('ends the connection of one whose answer cannot be made, and nobody else’s', () => {
  vi.useFakeTimers({ toFake: ['performance', 'setImmediate'] });
  try {
    const slices = new Slices();
    const tooLong = (): Piece[] => [
      '<a>',
      () => {
        vi.advanceTimersByTime(1000);
        return 'x';
      },
      // V8's longest string has half a gigabyte.
      () => 'x'.repeat(2 ** 30),
    ];
    const [one, other, third] = [new Client(), new Client(), new Client()];
    new Output(one, slices, () => {}).stream(tooLong());
    new Output(other, slices, () => {}).stream(long('c'));
    vi.runAllTimers();
    expect(one.calls).toEqual(['close: Invalid string length']);
    expect(names(other)).toEqual(['<c>', '</c>']);
    new Output(third, slices, () => {}).stream([() => 'x'.repeat(2 ** 30)]);
    expect(third.calls).toEqual(['close: Invalid string length']);
  } finally {
    vi.useRealTimers();
  }
});

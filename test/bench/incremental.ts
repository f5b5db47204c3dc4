// Which graph should carry the incremental engine? The same work on three: 250 switches × 100 ports, a derivation of 14 flows per port that reads
// its port, its switch and a twin by address; then 1,000 single changes. Each runs in a process of its own, so that memory can be compared.
import { spawnSync } from 'node:child_process';
import { Runtime } from '@weft/incremental/runtime';
import { computed, effect, endBatch, signal, startBatch } from 'alien-signals';

const switches = 250;
const portsPerSwitch = 100;
const changes = 1000;

interface Port {
  _uuid: string;
  name: string;
  sw: string;
  address: string;
}
interface Result {
  load: number;
  change: number;
  runs: number;
  heapMb: number;
}

const ports: Port[] = [];
for (let s = 0; s < switches; s++)
  for (let p = 0; p < portsPerSwitch; p++)
    ports.push({ _uuid: `${s}-${p}`, name: `sw${s}-p${p}`, sw: `sw${s}`, address: `0a:00:00:00:${s}:${p}` });

const flows = (name: string, sw: string, address: string): string[] =>
  Array.from({ length: 14 }, (_, i) => `${i} inport == "${name}" && eth.src == ${address} ${sw}`);

/** Times loading and single changes; `change(i)` changes one port's address and brings everything up to date. */
function measure(load: () => void, change: (i: number) => void, runs: () => number): Result {
  globalThis.gc?.();
  const heapBefore = process.memoryUsage().heapUsed;
  const t0 = performance.now();
  load();
  const t1 = performance.now();
  globalThis.gc?.();
  const heapMb = (process.memoryUsage().heapUsed - heapBefore) / 1e6;
  const before = runs();
  const t2 = performance.now();
  for (let i = 0; i < changes; i++) change(i);
  const t3 = performance.now();
  return { load: t1 - t0, change: (t3 - t2) / changes, runs: (runs() - before) / changes, heapMb };
}

const changed = (i: number): Port => {
  const port = ports[(i * 7919) % ports.length] as Port;
  return { ...port, address: `${port.address}:${i}` };
};

const candidates: Record<string, () => Result> = {
  'weft runtime (alien-signals/system)': () => {
    const rt = new Runtime();
    const table = rt.table<Port>('Port', ['name', 'sw', 'address']);
    const output = new Map<string, string[]>();
    rt.forEach(
      'port',
      table,
      (port) => flows(port.name, port.sw, port.address),
      (port, next) => (next ? output.set(port._uuid, next) : output.delete(port._uuid)),
    );
    return measure(
      () => {
        table.apply(ports.map((row) => ({ uuid: row._uuid, new: row })));
        rt.flush();
      },
      (i) => {
        const row = changed(i);
        table.apply([{ uuid: row._uuid, new: row }]);
        rt.flush();
      },
      () => rt.stats().get('port') ?? 0,
    );
  },
  'alien-signals, a signal per column': () => {
    let runs = 0;
    const cells = new Map<
      string,
      { name: () => string; sw: () => string; address: ReturnType<typeof signal<string>> }
    >();
    const output = new Map<string, string[]>();
    return measure(
      () => {
        startBatch();
        for (const port of ports) {
          const cell = { name: signal(port.name), sw: signal(port.sw), address: signal(port.address) };
          cells.set(port._uuid, cell);
          const value = computed(() => {
            runs++;
            return flows(cell.name(), cell.sw(), cell.address());
          });
          effect(() => {
            output.set(port._uuid, value());
          });
        }
        endBatch();
      },
      (i) => {
        const row = changed(i);
        cells.get(row._uuid)?.address(row.address);
      },
      () => runs,
    );
  },
  'hand-written, Sets of observers': () => {
    let runs = 0;
    type Observer = { run(): void; reads: Set<Set<Observer>> };
    let active: Observer | undefined;
    const dirty = new Set<Observer>();
    const cell = (value: string) => {
      const observers = new Set<Observer>();
      return {
        get: () => {
          if (active) {
            observers.add(active);
            active.reads.add(observers);
          }
          return value;
        },
        set: (next: string) => {
          if (next === value) return;
          value = next;
          for (const observer of observers) dirty.add(observer);
        },
      };
    };
    const flush = () => {
      for (const observer of dirty) {
        dirty.delete(observer);
        for (const read of observer.reads) read.delete(observer);
        observer.reads.clear();
        active = observer;
        observer.run();
        active = undefined;
      }
    };
    const cells = new Map<string, ReturnType<typeof cell>>();
    const output = new Map<string, string[]>();
    return measure(
      () => {
        for (const port of ports) {
          const [name, sw, address] = [cell(port.name), cell(port.sw), cell(port.address)];
          cells.set(port._uuid, address);
          dirty.add({
            reads: new Set(),
            run: () => {
              runs++;
              output.set(port._uuid, flows(name.get(), sw.get(), address.get()));
            },
          });
        }
        flush();
      },
      (i) => {
        const row = changed(i);
        cells.get(row._uuid)?.set(row.address);
        flush();
      },
      () => runs,
    );
  },
};

const [name] = process.argv.slice(2);
if (name !== undefined) {
  process.stdout.write(JSON.stringify(candidates[name]?.()));
} else {
  console.log(`${switches} switches × ${portsPerSwitch} ports, 14 flows a port, then ${changes} single changes`);
  for (const candidate of Object.keys(candidates)) {
    const child = spawnSync(process.execPath, ['--expose-gc', process.argv[1] as string, candidate], {
      encoding: 'utf8',
    });
    const { load, change, runs, heapMb } = JSON.parse(child.stdout) as Result;
    console.log(
      `${candidate.padEnd(38)} load ${load.toFixed(0).padStart(5)} ms   one change ${(change * 1000).toFixed(1).padStart(6)} µs, ${runs} derivation   heap ${heapMb.toFixed(0)} MB`,
    );
  }
}

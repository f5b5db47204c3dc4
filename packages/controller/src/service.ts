/** The controller with its surroundings: replicas of both databases, the connection to the switch, and an orderly end. */
import { Connection } from '@weft/openflow/connection';
import { systemTimer } from '@weft/openflow/dial';
import { Replica } from '@weft/ovsdb-client/replica';
import type { SessionOptions } from '@weft/ovsdb-client/session';
import { sb } from '@weft/schemas/sb';
import { vswitch } from '@weft/schemas/vswitch';
import type { ControllerConfig } from './config.ts';
import { Controller } from './controller.ts';
import type { Logger } from './feature.ts';
import { cleanUpChassis, cleanUpSwitch } from './local/cleanup.ts';
import { initialConditions } from './local/conditions.ts';
import { ovsColumns, sbColumns } from './model/tables.ts';
import { asSwitch } from './switch/openflow-switch.ts';

export interface ServiceOptions {
  /** The local Open_vSwitch database. */
  readonly ovsRemote: string;
  /** Where the switch has its sockets: `BRIDGE.mgmt`. */
  readonly ovsRundir: string;
  readonly name?: string | undefined;
  readonly tls?: SessionOptions['tls'] | undefined;
  /** The logger of a module. */
  readonly log: (module: string) => Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Who cannot be reached does not keep us from ending. */
const farewellMs = 3000;

const timeout = (what: string): Promise<never> =>
  new Promise((_resolve, reject) => {
    setTimeout(() => reject(new Error(`${what} took too long`)), farewellMs).unref();
  });

export class ControllerService {
  readonly controller: Controller;
  readonly #options: ServiceOptions;
  readonly #ovs: Replica<typeof vswitch>;
  #sb: Replica<typeof sb> | undefined;
  #sbRemote: string | undefined;
  #switch: Connection | undefined;
  #switchRemote: string | undefined;

  constructor(options: ServiceOptions) {
    this.#options = options;
    this.#ovs = new Replica({
      schema: vswitch,
      remotes: options.ovsRemote,
      tables: ovsColumns,
      probeIntervalMs: 0,
      log: this.#line('ovs'),
    });
    this.controller = new Controller({
      ovs: this.#ovs,
      log: options.log('controller'),
      now: options.now,
      timer: systemTimer,
      name: options.name,
      setConditions: (conditions) => this.#sb?.setConditions(conditions) ?? Promise.resolve(),
      onConfig: (config) => this.#configured(config),
    });
    this.#ovs.onChange((changes) => this.controller.ovsChanged(changes));
  }

  start(): void {
    this.#ovs.start();
  }

  /** To the southbound database, as `connection-status` says it. */
  get connected(): boolean {
    return this.#sb?.state === 'live' || this.#sb?.state === 'syncing';
  }

  get sbState(): string {
    return this.#sb?.state ?? 'unconfigured';
  }

  /** The southbound cluster was destroyed and rebuilt: what it has is not stale. */
  resetSbClusterState(): void {
    this.#sb?.resetClusterState();
  }

  /** Ends. Unless the chassis is to be `restarted`, it takes leave: its rows, its bindings and its tunnels go. */
  async stop(restarted: boolean): Promise<void> {
    this.controller.stop();
    if (!restarted) {
      const { model } = this.controller;
      const log = this.#options.log('controller');
      const attempt = async (what: string, run: () => Promise<unknown>) => {
        try {
          await Promise.race([run(), timeout(what)]);
        } catch (error) {
          log.warn(`${what}: ${error instanceof Error ? error.message : String(error)}`);
        }
      };
      const database = this.#sb;
      if (database?.state === 'live')
        await attempt('removing the chassis', () =>
          database.retry((transaction) => cleanUpChassis(model, transaction), { repeatable: true }),
        );
      if (this.#ovs.state === 'live')
        await attempt('removing the tunnels', () =>
          this.#ovs.retry((transaction) => cleanUpSwitch(model, transaction), { repeatable: true }),
        );
    }
    this.#switch?.close();
    this.#sb?.close();
    this.#ovs.close();
  }

  #configured(config: ControllerConfig | undefined): void {
    if (config === undefined) return;
    this.#connectSwitch(config);
    this.#connectSb(config);
  }

  #connectSb({ sbRemote, remoteProbeInterval }: ControllerConfig): void {
    if (sbRemote === undefined) return;
    const probe = sbRemote.startsWith('unix:') ? 0 : remoteProbeInterval;
    if (this.#sb !== undefined) {
      if (this.#sbRemote !== sbRemote) this.#sb.setRemotes(sbRemote);
      this.#sbRemote = sbRemote;
      this.#sb.setProbeInterval(probe);
      return;
    }
    const { tls } = this.#options;
    const replica = new Replica({
      schema: sb,
      remotes: sbRemote,
      tables: sbColumns,
      conditions: initialConditions,
      probeIntervalMs: probe,
      log: this.#line('sb'),
      ...(tls === undefined ? {} : { tls }),
    });
    this.#sb = replica;
    this.#sbRemote = sbRemote;
    replica.onChange((changes) => this.controller.sbChanged(changes));
    replica.onState((state) => {
      if (state === 'live') this.controller.sbConnected(replica);
      else if (state === 'connecting') this.controller.sbConnected(undefined);
    });
    replica.start();
  }

  #connectSwitch({ integrationBridge, openflowProbeInterval }: ControllerConfig): void {
    const remote = `unix:${this.#options.ovsRundir}/${integrationBridge}.mgmt`;
    const probeInterval = openflowProbeInterval * 1000;
    if (remote === this.#switchRemote) {
      this.#switch?.setProbeInterval(probeInterval);
      return;
    }
    this.#switch?.close();
    this.#switchRemote = remote;
    const log = this.#options.log('switch');
    const connection = new Connection(
      {
        remote,
        probeInterval,
        minBackoff: 100,
        maxBackoff: 1000,
      },
      {
        connected: () => {
          log.info(`${remote}: connected`);
          this.controller.switchConnected(asSwitch(connection));
        },
        disconnected: (reason) => {
          if (this.controller.sync.connected) log.warn(`${remote}: ${reason.message}`);
          this.controller.switchConnected(undefined);
        },
        packetIn: (message) => this.controller.packetIn(message),
        error: (error) => log.warn(error.message),
        unexpected: (_message, detail) => log.info(detail),
      },
    );
    this.#switch = connection;
    connection.start();
  }

  #line(module: string): (level: 'info' | 'warn', message: string) => void {
    const log = this.#options.log(module);
    return (level, message) => log[level](message);
  }
}

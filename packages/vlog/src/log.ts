/**
 * A program's log, as text: console, file and system log, each with its levels and its pattern. For programs that run for a moment; daemons log with
 * pino (`@weft/cli/logging`).
 */
import { formatMessage, type LogMessage, type LogSource } from './pattern.ts';
import {
  parseSyslogMethod,
  parseUdpAddress,
  rfc5424,
  type SyslogDatagram,
  type SyslogMethod,
  syslogDatagram,
  syslogPrefix,
  type UdpAddress,
} from './syslog.ts';
import type { Level, Vlog } from './vlog.ts';

/** A log file that is open. */
export interface LogFile {
  write(text: string): void;
  close(): void;
}

/** What a log touches outside. */
export interface LogOutputs {
  /** Standard error. */
  readonly console: (text: string) => void;
  /** Opens a file for appending. Throws the system's error. */
  readonly openFile: (path: string) => LogFile;
  /** Sends to the system log; what goes wrong there is nobody's error. */
  readonly sendSyslog: (batch: SyslogBatch) => Promise<void>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Messages for the system log, in their order. */
export interface SyslogBatch {
  readonly program: string;
  readonly method: SyslogMethod;
  readonly datagrams: readonly SyslogDatagram[];
  /** `--syslog-target` and what it gets. */
  readonly target: UdpAddress | undefined;
  readonly forTarget: readonly string[];
}

/** One per process; nothing of it is buffered but what goes to the system log, which `flush` sends. */
export class Log {
  readonly vlog: Vlog;
  readonly #source: LogSource;
  readonly #outputs: LogOutputs;
  #serial = 0;
  #path: string | undefined;
  #file: LogFile | undefined;
  #method: SyslogMethod = { kind: 'libc' };
  #target: UdpAddress | undefined;
  #datagrams: SyslogDatagram[] = [];
  #forTarget: string[] = [];

  constructor(vlog: Vlog, source: LogSource, outputs: LogOutputs) {
    this.vlog = vlog;
    this.#source = source;
    this.#outputs = outputs;
  }

  /** Logs a message. `quiet`: it does not go to the console, where it is said otherwise. */
  write(module: string, level: Level, text: string, quiet = false): void {
    const { vlog } = this;
    const console = !quiet && vlog.wants(module, 'console', level);
    const file = this.#file !== undefined && vlog.wants(module, 'file', level);
    const syslog = vlog.wants(module, 'syslog', level);
    if (!console && !syslog && !file) return;
    this.#serial++;
    const message: LogMessage = { module, level, text, time: this.#outputs.now(), serial: this.#serial };
    const line = (destination: 'console' | 'file'): string =>
      `${formatMessage(vlog.pattern(destination), message, this.#source, vlog.priority(level, 'local0'))}\n`;
    if (console) this.#outputs.console(line('console'));
    if (file) this.#file?.write(line('file'));
    if (!syslog) return;
    if (this.#method.kind !== 'null') this.#datagrams.push(syslogDatagram(vlog, message, this.#source));
    if (this.#target !== undefined) this.#forTarget.push(rfc5424(vlog, message, this.#source));
  }

  /** Whether a message would go anywhere: for messages that cost something to make. */
  wants(module: string, level: Level): boolean {
    const { vlog } = this;
    return (
      vlog.wants(module, 'console', level) ||
      vlog.wants(module, 'syslog', level) ||
      (this.#file !== undefined && vlog.wants(module, 'file', level))
    );
  }

  /** Logs to a file from now on (`--log-file`). False if it cannot be opened, which is said. */
  openFile(path: string, reason: (error: unknown) => string): boolean {
    this.closeFile();
    this.#path = path;
    try {
      this.#file = this.#outputs.openFile(path);
    } catch (error) {
      this.write('vlog', 'warn', `failed to open ${path} for logging: ${reason(error)}`);
      return false;
    }
    this.write('vlog', 'info', `opened log file ${path}`);
    return true;
  }

  /** Opens the log file anew, after logrotate(8). Returns what is wrong, or undefined. */
  reopenFile(reason: (error: unknown) => string): string | undefined {
    if (this.#path === undefined) return 'Logging to file not configured';
    return this.openFile(this.#path, reason) ? undefined : 'failed to open the log file';
  }

  closeFile(): void {
    if (this.#file === undefined) return;
    this.write('vlog', 'info', 'closing log file');
    this.#file.close();
    this.#file = undefined;
  }

  /** `--syslog-method`. Returns what is wrong with it, or undefined. */
  setSyslogMethod(text: string): string | undefined {
    const parsed = parseSyslogMethod(text);
    if (parsed === undefined) return `unsupported syslog method '${text}'`;
    this.#method = parsed.method;
    if (parsed.problem !== undefined) this.write('socket_util', 'err', parsed.problem);
    return undefined;
  }

  /** `--syslog-target`. */
  setSyslogTarget(text: string): void {
    const { address, problem } = parseUdpAddress(text);
    this.#target = address;
    if (problem?.includes('port') === true) this.write('socket_util', 'err', problem);
    else this.write('vlog', 'warn', '--syslog-target flag is deprecated, use --syslog-method instead');
  }

  /** The log file, if there is to be one. */
  get path(): string | undefined {
    return this.#path;
  }

  /** What the syslog method writes before each message. */
  get syslogPrefix(): string {
    return syslogPrefix(this.#method);
  }

  /** Sends what waits for the system log. */
  async flush(): Promise<void> {
    const datagrams = this.#datagrams;
    const forTarget = this.#forTarget;
    if (datagrams.length === 0 && forTarget.length === 0) return;
    this.#datagrams = [];
    this.#forTarget = [];
    const program = this.#source.program;
    await this.#outputs.sendSyslog({ program, method: this.#method, datagrams, target: this.#target, forTarget });
  }
}

/** What has been said of late. Messages name ports and addresses, of which there are ever new ones: remembering all would take more memory each day. */

/** What so many messages ago was said may be said again. */
const remembered = 1000;

export class Said {
  readonly #messages = new Set<string>();

  get size(): number {
    return this.#messages.size;
  }

  isNew(message: string): boolean {
    if (this.#messages.has(message)) return false;
    this.#messages.add(message);
    if (this.#messages.size > remembered) {
      const [oldest] = this.#messages;
      this.#messages.delete(oldest as string);
    }
    return true;
  }
}

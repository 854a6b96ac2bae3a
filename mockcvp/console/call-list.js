/** The part of the journal that the list of calls shows. */

/** How many calls the list has at most. */
export const MOST = 500;
const PAGE = 100;

/** @typedef {{gap: number, before: number, after: number}} Gap calls between two numbers, which are not loaded */
/** @typedef {Api.Row | Gap} Item */
/** @typedef {(filter: Api.Filter, page: {before?: number, limit?: number}) => Promise<Api.Calls>} Load */

/**
 * Return whether an item is a gap.
 * @param {Item} item
 * @returns {item is Gap}
 */
export const isGap = (item) => "gap" in item;

/** @param {Item} item */
const numberOf = (item) => (isGap(item) ? item.before - 1 : item.number);

/** Newest calls first. The list is one window of the journal, so that the page stays small. */
export class CallList {
  /**
   * @param {Load} load
   * @param {() => void} changed
   */
  constructor(load, changed) {
    this.load = load;
    this.changed = changed;
    /** @type {Api.Filter} */
    this.filter = {};
    /** @type {Item[]} */
    this.items = [];
    this.total = 0;
    this.isLoaded = false;
    this.isBusy = false;
    this.hasOlder = false;
    /** Whether the newest calls are not in the list, since older ones took their place. */
    this.hasNewer = false;
    /** The number of new calls that are not in the list. */
    this.pending = 0;
    /** @type {unknown} */
    this.error = null;
    /** @type {Api.Frame[]} */
    this.waiting = [];
    this.generation = 0;
  }

  /** Return the number of the newest call of the list. */
  get top() {
    return this.items.length ? numberOf(this.items[0]) : 0;
  }

  /** Return the calls of the list without the gaps. */
  get rows() {
    return /** @type {Api.Row[]} */ (this.items.filter((item) => !isGap(item)));
  }

  /** Return whether new calls go to the top of the list. */
  get isFollowing() {
    return this.pending === 0 && !this.hasNewer;
  }

  /**
   * Show the newest calls that match a filter.
   * @param {Api.Filter} [filter]
   */
  async reload(filter = this.filter) {
    const generation = ++this.generation;
    this.filter = filter;
    this.isBusy = true;
    this.waiting = [];
    this.changed();
    try {
      const { calls, meta } = await this.load(filter, { limit: PAGE });
      if (generation !== this.generation) return;
      this.items = calls;
      this.total = meta.total;
      this.hasOlder = calls.length === PAGE;
      this.hasNewer = false;
      this.pending = 0;
      this.error = null;
    } catch (exc) {
      if (generation !== this.generation) return;
      this.error = exc;
    }
    this.isLoaded = true;
    this.isBusy = false;
    for (const frame of this.waiting.splice(0)) this.receive(frame, true);
    this.changed();
  }

  /**
   * Add the calls of a frame. The list must have no filter.
   * @param {Api.Frame} frame
   * @param {boolean} canShift whether rows may move down
   */
  receive(frame, canShift) {
    if (this.isBusy) {
      this.waiting.push(frame);
      return;
    }
    const top = this.top;
    this.total = frame.recorded - frame.dropped;
    if (frame.last <= top) return;
    if (!canShift || !this.isFollowing) {
      this.pending = frame.last - top;
      return;
    }
    const rows = frame.calls.filter((row) => row.number > top).reverse();
    const after = top || frame.first - 1;
    const oldest = rows.length ? rows[rows.length - 1].number : frame.last + 1;
    this.prepend(rows, oldest - after - 1, oldest, after);
  }

  /**
   * Ask the server which new calls match the filter.
   * @param {() => boolean} canShift
   */
  async refresh(canShift) {
    if (this.isBusy) return;
    const generation = this.generation;
    const { calls, meta } = await this.load(this.filter, { limit: PAGE });
    if (generation !== this.generation || this.isBusy) return;
    const top = this.top;
    const rows = calls.filter((row) => row.number > top);
    const added = Math.max(meta.total - this.total, rows.length);
    if (rows.length) {
      if (!canShift() || !this.isFollowing) {
        this.pending = rows.length;
      } else {
        this.total = meta.total;
        const isCut = rows.length === PAGE && top > 0;
        const oldest = rows[rows.length - 1].number;
        this.prepend(rows, isCut ? Math.max(added - rows.length, 0) : 0, oldest, top);
        this.hasOlder ||= rows.length === PAGE && top === 0;
      }
    }
    this.changed();
  }

  /**
   * @param {Api.Row[]} rows
   * @param {number} missing
   * @param {number} before
   * @param {number} after
   */
  prepend(rows, missing, before, after) {
    /** @type {Item[]} */
    const gap = missing > 0 ? [{ gap: missing, before, after }] : [];
    this.items = [...rows, ...gap, ...this.items];
    this.trimEnd();
  }

  trimEnd() {
    if (this.items.length <= MOST) return;
    this.items = this.items.slice(0, MOST);
    if (isGap(this.items[MOST - 1])) this.items.pop();
    this.hasOlder = true;
  }

  trimStart() {
    if (this.items.length <= MOST) return;
    this.items = this.items.slice(-MOST);
    if (isGap(this.items[0])) this.items.shift();
    this.hasNewer = true;
  }

  /** Load the calls before the oldest one of the list. */
  async older() {
    const last = this.items[this.items.length - 1];
    if (this.isBusy || !last) return;
    await this.page(last, PAGE, (calls) => {
      this.items = [...this.items, ...calls];
      this.hasOlder = calls.length === PAGE;
      this.trimStart();
    });
  }

  /**
   * Load the calls of a gap, or its newest ones.
   * @param {Gap} gap
   */
  async fill(gap) {
    if (this.isBusy) return;
    const limit = Math.min(MOST / 2, gap.before - gap.after - 1);
    await this.page(gap, limit, (calls) => {
      const index = this.items.indexOf(gap);
      if (index < 0) return;
      const rows = calls.filter((row) => row.number > gap.after);
      const oldest = rows.length ? rows[rows.length - 1].number : 0;
      const isFilled = rows.length < limit || oldest === gap.after + 1;
      /** @type {Item[]} */
      const rest = isFilled ? [] : [{ gap: Math.max(gap.gap - rows.length, 1), before: oldest, after: gap.after }];
      this.items = [...this.items.slice(0, index), ...rows, ...rest, ...this.items.slice(index + 1)];
      if (index < MOST / 2) this.trimEnd();
      else this.trimStart();
    });
  }

  /**
   * @param {Item} item load the calls before this item
   * @param {number} limit
   * @param {(calls: Api.Row[]) => void} add
   */
  async page(item, limit, add) {
    const generation = this.generation;
    this.isBusy = true;
    this.changed();
    try {
      const before = isGap(item) ? item.before : item.number;
      const { calls } = await this.load(this.filter, { before, limit });
      if (generation !== this.generation) return;
      this.error = null;
      add(calls);
    } catch (exc) {
      if (generation !== this.generation) return;
      this.error = exc;
    }
    this.isBusy = false;
    for (const frame of this.waiting.splice(0)) this.receive(frame, false);
    this.changed();
  }
}

/** The part of the journal that the list of calls shows. */

const MOST = 500;
const PAGE = 100;

/** @typedef {{gap: number, before: number, after: number}} Gap calls between two numbers, which are not loaded */
/** @typedef {Api.Row | Gap} Item */

/** @type {(item: Item) => item is Gap} */
export const isGap = (item) => "gap" in item;

/** Newest calls first. The list is one window of the journal, so that the page stays small. */
export class CallList {
  /** @type {Api.Filter} */
  filter = {};
  /** @type {Item[]} */
  items = [];
  total = 0;
  isLoaded = false;
  isBusy = false;
  hasOlder = false;
  /** Whether older calls have taken the place of the newest ones. */
  hasNewer = false;
  /** The number of new calls that are not in the list. */
  pending = 0;
  /** @type {unknown} */
  error = null;
  /** @type {Api.Frame[]} */
  waiting = [];
  generation = 0;

  /**
   * @param {(filter: Api.Filter, page: {before?: number, limit?: number}) => Promise<Api.Calls>} load
   * @param {() => void} changed
   */
  constructor(load, changed) {
    this.load = load;
    this.changed = changed;
  }

  /** Return the number of the newest call of the list. */
  get top() {
    const [first] = this.items;
    return first ? (isGap(first) ? first.before - 1 : first.number) : 0;
  }

  /** Return whether new calls go to the top of the list. */
  get isFollowing() {
    return this.pending === 0 && !this.hasNewer;
  }

  /**
   * Show the newest calls that match a filter.
   * @param {Api.Filter} [filter]
   */
  reload(filter = this.filter) {
    this.filter = filter;
    this.generation++;
    this.waiting = [];
    return this.request({ limit: PAGE }, ({ calls, meta }) => {
      Object.assign(this, { items: calls, total: meta.total, hasOlder: calls.length === PAGE, hasNewer: false, pending: 0 });
    });
  }

  /**
   * Load calls, and show them unless a later reload has begun.
   * @param {{before?: number, limit: number}} page
   * @param {(result: Api.Calls) => void} add
   */
  async request(page, add) {
    const { generation } = this;
    this.isBusy = true;
    let error = null;
    let result = null;
    try {
      result = await this.load(this.filter, page);
    } catch (exc) {
      error = exc;
    }
    if (generation !== this.generation) return;
    if (result) add(result);
    this.error = error;
    this.isLoaded = true;
    this.isBusy = false;
    for (const frame of this.waiting.splice(0)) this.receive(frame, page.before === undefined);
    this.changed();
  }

  /**
   * Add the calls of a frame. The list must have no filter.
   * @param {Api.Frame} frame
   * @param {boolean} canShift whether rows may move down
   */
  receive(frame, canShift) {
    const { top } = this;
    if (this.isBusy) this.waiting.push(frame);
    else this.total = frame.recorded - frame.dropped;
    if (this.isBusy || frame.last <= top) return;
    if (!canShift || !this.isFollowing) {
      this.pending = frame.last - top;
      return;
    }
    const rows = frame.calls.filter((row) => row.number > top).reverse();
    const before = rows.length ? rows[rows.length - 1].number : frame.last + 1;
    const after = top || frame.first - 1;
    this.prepend(rows, { gap: before - after - 1, before, after });
  }

  /**
   * Ask the server which new calls match the filter.
   * @param {() => boolean} canShift
   */
  async refresh(canShift) {
    if (this.isBusy) return;
    await this.request({ limit: PAGE }, ({ calls, meta }) => {
      const { top } = this;
      const rows = calls.filter((row) => row.number > top);
      if (!rows.length) return;
      if (!canShift() || !this.isFollowing) {
        this.pending = rows.length;
        return;
      }
      const isCut = rows.length === PAGE && top > 0;
      const gap = isCut ? Math.max(meta.total - this.total - PAGE, 1) : 0;
      this.total = meta.total;
      this.hasOlder ||= rows.length === PAGE && !isCut;
      this.prepend(rows, { gap, before: rows[rows.length - 1].number, after: top });
    });
  }

  /** @type {(rows: Api.Row[], gap: Gap) => void} */
  prepend(rows, gap) {
    this.items = [...rows, ...(gap.gap > 0 ? [gap] : []), ...this.items];
    this.trim(false);
  }

  /** @param {boolean} isAtStart whether the newest calls leave the list, not the oldest ones */
  trim(isAtStart) {
    if (this.items.length <= MOST) return;
    this.items = isAtStart ? this.items.slice(-MOST) : this.items.slice(0, MOST);
    if (isAtStart) this.hasNewer = true;
    else this.hasOlder = true;
    const edge = isAtStart ? 0 : MOST - 1;
    if (isGap(this.items[edge])) this.items.splice(edge, 1);
  }

  /** Load the calls before the oldest one of the list. */
  async older() {
    const last = this.items[this.items.length - 1];
    if (this.isBusy || !last || isGap(last)) return;
    await this.request({ before: last.number, limit: PAGE }, ({ calls }) => {
      this.items = [...this.items, ...calls];
      this.hasOlder = calls.length === PAGE;
      this.trim(true);
    });
  }

  /**
   * Load the calls of a gap, or its newest ones.
   * @param {Gap} gap
   */
  async fill(gap) {
    const { before, after } = gap;
    const limit = Math.min(MOST / 2, before - after - 1);
    if (this.isBusy) return;
    await this.request({ before, limit }, ({ calls }) => {
      const index = this.items.indexOf(gap);
      const rows = calls.filter((row) => row.number > after);
      const oldest = rows.length < limit ? after + 1 : rows[limit - 1].number;
      const rest = { gap: Math.max(gap.gap - rows.length, 1), before: oldest, after };
      this.items.splice(index, 1, ...rows, ...(oldest > after + 1 ? [rest] : []));
      this.trim(index >= MOST / 2);
    });
  }
}

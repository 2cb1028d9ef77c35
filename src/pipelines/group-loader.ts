/** How requests are gathered to groups. */
export interface GroupOptions<Request, Answer> {
  /**
   * Answers all requests of a group, in their order. The signal is aborted when nobody waits for the answers any more.
   */
  readonly load: (requests: readonly Request[], signal: AbortSignal) => Promise<readonly Answer[]>;
  /** Most requests of a group. */
  readonly mostMembers: number;
  /** What one request adds to its group; 0 when left out. */
  readonly weightOf?: (request: Request) => number;
  /** Most that a group may weigh; a request that is heavier by itself has a group of its own. */
  readonly mostWeight?: number;
  /** Only requests of the same kind are asked for together; there is one kind when left out. */
  readonly kindOf?: (request: Request) => string;
  /**
   * Groups that may be under way at the same time: of different kinds, and of the same kind when it is full. One of
   * the same kind that is not full grows while the one before it is under way. @defaultValue 1
   */
  readonly atATime?: number;
  /**
   * How long to wait for more requests before a group begins that is not full, in ms; until the turn of the event loop
   * ends when left out.
   */
  readonly lingerMs?: () => number;
  /**
   * Tells whether an error would be the same for every member by itself, as when an engine is away: then all of the
   * group get it. With any other error the group is dissolved and each of its requests is made alone, so that
   * one that cannot be answered spoils none of the others.
   */
  readonly isCommon: (error: unknown) => boolean;
}

/**
 * Gathers single requests into few large ones, as DataLoader does: those of the same turn of the event loop, and those
 * that come while a group is under way. A request is answered only by a load that began after it was made.
 */
export class GroupLoader<Request, Answer> {
  readonly #options: GroupOptions<Request, Answer>;
  /** The kind of each group that is under way. */
  readonly #underWay: string[] = [];
  #waiting: Member<Request, Answer>[] = [];
  #waitingWeight = 0;
  #later: NodeJS.Timeout | undefined;
  #soon: NodeJS.Immediate | undefined;

  constructor(options: GroupOptions<Request, Answer>) {
    this.#options = options;
  }

  /**
   * Asks for one answer. A request that is given up leaves its group, which goes on without it; without a signal it is
   * never given up.
   *
   * @throws what loading threw, or the signal's reason
   */
  async load(request: Request, signal?: AbortSignal): Promise<Answer> {
    signal?.throwIfAborted();
    const member = new Member<Request, Answer>(request, this.#options.kindOf?.(request) ?? '');
    const leave = (): void => {
      member.leave(signal?.reason);
    };
    signal?.addEventListener('abort', leave, { once: true });
    this.#waiting.push(member);
    this.#waitingWeight += this.#weightOf(member);
    this.#startSoon();
    try {
      return await member.answer;
    } finally {
      signal?.removeEventListener('abort', leave);
    }
  }

  #startSoon(): void {
    if (this.#waiting.length === 0) return;
    const isFull = this.#fillsGroup(this.#waiting.length, this.#waitingWeight);
    const waitMs = isFull ? 0 : (this.#options.lingerMs?.() ?? 0);
    if (waitMs > 0) {
      this.#later ??= setTimeout(() => {
        this.#startGroups();
      }, waitMs);
      return;
    }
    this.#soon ??= setImmediate(() => {
      this.#startGroups();
    });
  }

  #startGroups(): void {
    clearTimeout(this.#later);
    this.#later = undefined;
    this.#soon = undefined;
    const { atATime = 1 } = this.#options;
    while (this.#underWay.length < atATime) {
      const [first, ...others] = this.#nextGroup();
      if (first === undefined) return;
      this.#underWay.push(first.kind);
      void this.#run([first, ...others]).finally(() => {
        this.#underWay.splice(this.#underWay.indexOf(first.kind), 1);
        this.#startSoon();
      });
    }
  }

  #weightOf({ request }: Member<Request, Answer>): number {
    return this.#options.weightOf?.(request) ?? 0;
  }

  #fillsGroup(members: number, weight: number): boolean {
    const { mostMembers, mostWeight = Infinity } = this.#options;
    return members >= mostMembers || weight >= mostWeight;
  }

  /** Whether a group of a kind may begin now, going by all that wait. */
  #mayBegin(kind: string): boolean {
    if (!this.#underWay.includes(kind)) return true;
    const others = this.#waiting.filter((member) => member.kind === kind && !member.hasLeft);
    const weight = others.reduce((sum, member) => sum + this.#weightOf(member), 0);
    return this.#fillsGroup(others.length, weight);
  }

  /** Takes the longest waiting request whose kind may begin, and all that fit to it, in their order. */
  #nextGroup(): Member<Request, Answer>[] {
    const { mostMembers, mostWeight = Infinity } = this.#options;
    const waiting = this.#waiting.filter(({ hasLeft }) => !hasLeft);
    const kind = [...new Set(waiting.map((member) => member.kind))].find((one) => this.#mayBegin(one));
    const group: Member<Request, Answer>[] = [];
    const left: Member<Request, Answer>[] = [];
    let [weight, leftWeight] = [0, 0];
    for (const member of waiting) {
      const own = this.#weightOf(member);
      const fits = group.length === 0 || (group.length < mostMembers && weight + own <= mostWeight);
      if (member.kind === kind && fits) {
        group.push(member);
        weight += own;
      } else {
        left.push(member);
        leftWeight += own;
      }
    }
    this.#waiting = left;
    this.#waitingWeight = leftWeight;
    return group;
  }

  async #run(members: readonly Member<Request, Answer>[]): Promise<void> {
    const group = members.filter((member) => !member.hasLeft);
    if (group.length === 0) return;
    const unwanted = new AbortController();
    for (const member of group) {
      member.onLeave = () => {
        if (group.every(({ hasLeft }) => hasLeft)) unwanted.abort();
      };
    }
    try {
      const answers = await this.#options.load(
        group.map(({ request }) => request),
        unwanted.signal,
      );
      if (answers.length !== group.length)
        throw new RangeError(`${String(group.length)} requests were given ${String(answers.length)} answers`);
      for (const [position, answer] of answers.entries()) group[position]?.resolve(answer);
    } catch (error) {
      if (group.length > 1 && !this.#options.isCommon(error)) {
        await Promise.all(group.map((member) => this.#run([member])));
        return;
      }
      for (const member of group) member.reject(error);
    }
  }
}

/** One request and who waits for its answer. */
class Member<Request, Answer> {
  readonly request: Request;
  readonly kind: string;
  readonly answer: Promise<Answer>;
  resolve: (answer: Answer) => void = () => undefined;
  reject: (error: unknown) => void = () => undefined;
  onLeave: () => void = () => undefined;
  hasLeft = false;

  constructor(request: Request, kind: string) {
    this.request = request;
    this.kind = kind;
    this.answer = new Promise<Answer>((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  leave(reason: unknown): void {
    this.hasLeft = true;
    this.reject(reason);
    this.onLeave();
  }
}

/** A path that cannot be read. */
export class InvalidJsonPathError extends Error {
  override readonly name = 'InvalidJsonPathError';
}

type Step = { readonly name: string } | { readonly index: number } | 'any';

const STEP =
  /\.(?<name>[A-Za-z_\u0080-\uffff][\w\u0080-\uffff-]*)|\[(?<index>-?\d+)\]|\[(?<quoted>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\]|(?<any>\.\*|\[\*\])/y;

/** The part of JSONPath (RFC 9535) that names values: members, elements, and all of either. */
export class JsonPath {
  readonly #steps: readonly Step[] = [];

  /**
   * @param text such as `$.cpu.load[0]`, `$['disk space'].*`
   * @throws {InvalidJsonPathError}
   */
  constructor(text: string) {
    if (!text.startsWith('$'))
      throw new InvalidJsonPathError(`${JSON.stringify(text)} does not begin with $`);
    const steps: Step[] = [];
    for (let at = 1; at < text.length; at = STEP.lastIndex) {
      STEP.lastIndex = at;
      const found = STEP.exec(text)?.groups;
      if (found === undefined)
        throw new InvalidJsonPathError(
          `${JSON.stringify(text)} cannot be read from ${JSON.stringify(text.slice(at))} on: .name, ['name'], [0], .* and [*] are known`,
        );
      steps.push(stepOf(found));
    }
    this.#steps = steps;
  }

  /** All values that the path names. */
  valuesIn(value: unknown): readonly unknown[] {
    let values: readonly unknown[] = [value];
    for (const step of this.#steps) values = values.flatMap((each) => [...into(each, step)]);
    return values;
  }
}

function stepOf({ name, index, quoted }: Readonly<Record<string, string | undefined>>): Step {
  if (name !== undefined) return { name };
  if (index !== undefined) return { index: Number(index) };
  if (quoted !== undefined) return { name: quoted.slice(1, -1).replace(/\\(.)/g, '$1') };
  return 'any';
}

function* into(value: unknown, step: Step): Generator<unknown, void> {
  if (Array.isArray(value)) {
    const elements: readonly unknown[] = value;
    if (step === 'any') yield* elements;
    else if ('index' in step) {
      const index = step.index < 0 ? elements.length + step.index : step.index;
      if (index >= 0 && index < elements.length) yield elements[index];
    }
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  if (step === 'any') yield* Object.values(value);
  else if ('name' in step)
    for (const [name, member] of Object.entries(value)) if (name === step.name) yield member;
}

/** A condition on a report: a path, and the value that one of those which it names must have. */
export class Condition {
  readonly #path: JsonPath;
  readonly #wanted: string;

  /**
   * @param text `PATH=VALUE`; a value is JSON, or else text as it stands
   * @throws {InvalidJsonPathError}
   */
  constructor(text: string) {
    const at = separatorIn(text);
    if (at < 0) throw new InvalidJsonPathError(`${JSON.stringify(text)} is not JSONPATH=VALUE`);
    this.#path = new JsonPath(text.slice(0, at));
    this.#wanted = text.slice(at + 1);
  }

  /** Tells whether it holds for a report. */
  holds(report: unknown): boolean {
    return this.#path
      .valuesIn(report)
      .some(
        (value) =>
          value === this.#wanted || (typeof value !== 'string' && JSON.stringify(value) === this.#json()),
      );
  }

  #json(): string {
    try {
      return JSON.stringify(JSON.parse(this.#wanted));
    } catch {
      return '';
    }
  }
}

/** The first = outside of brackets: a quoted name can have one. */
function separatorIn(text: string): number {
  const before =
    /^(?:\[(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\]'"]*)\]|[^=[])*/.exec(text)?.[0].length ?? 0;
  return text[before] === '=' ? before : -1;
}

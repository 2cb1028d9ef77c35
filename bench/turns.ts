/** Runs one contender once and tells what was measured. */
export type Contender<Measurement> = () => Promise<Measurement>;

/**
 * Runs contenders in turns, A B C A B C …, so that what changes on the machine with time meets all of them.
 *
 * @param rounds how often each of them runs
 * @param onTurn called before each run
 * @returns what each of them measured, in order of the rounds
 */
export async function inTurns<Name, Measurement>(
  rounds: number,
  contenders: ReadonlyMap<Name, Contender<Measurement>>,
  onTurn: (round: number, name: Name) => void = () => undefined,
): Promise<Map<Name, Measurement[]>> {
  const measured = new Map<Name, Measurement[]>([...contenders.keys()].map((name) => [name, []]));
  for (let round = 1; round <= rounds; round += 1) {
    for (const [name, run] of contenders) {
      onTurn(round, name);
      measured.get(name)?.push(await run());
    }
  }
  return measured;
}

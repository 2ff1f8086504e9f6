/** QuickXplain: a smallest set of items that still fails, with few questions where the set is small. */

/**
 * Junker 2004. `fails(background)` is known to be false, and `fails(background + items)` to be true; what fails still
 * fails with more in it. Items that are likely in the set come first.
 */
export async function minimalSet<T>(
  items: readonly T[],
  fails: (set: readonly T[]) => Promise<boolean>,
  background: readonly T[] = [],
): Promise<readonly T[]> {
  const search = async (base: readonly T[], grown: boolean, rest: readonly T[]): Promise<readonly T[]> => {
    if (grown && (await fails(base))) return []
    if (rest.length <= 1) return rest
    const middle = Math.ceil(rest.length / 2)
    const [first, second] = [rest.slice(0, middle), rest.slice(middle)]
    const late = await search([...base, ...first], true, second)
    const early = await search([...base, ...late], late.length > 0, first)
    return [...early, ...late]
  }
  return search(background, false, items)
}

/** What somebody may have meant who wrote a name that is not known. */
import { closest, distance } from 'fastest-levenshtein'

/** ` Did you mean "x"?`, or nothing where none is near. */
export function didYouMean(name: string, known: readonly string[]): string {
  const nearest = known.length === 0 ? undefined : closest(name, [...known])
  const apart = nearest === undefined ? Number.POSITIVE_INFINITY : distance(name, nearest)
  // Of a short name something has to be left.
  return apart <= Math.max(2, name.length / 3) && apart < name.length ? ` Did you mean "${nearest}"?` : ''
}

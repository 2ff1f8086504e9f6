/** Closes a switch over a union: a new member that nobody handles is a type error at the call. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`)
}

/** A number with its noun: `1 stack`, `2 stacks`. */
export const counted = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`

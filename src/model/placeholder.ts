/** `{{name}}` in a check stands for what an earlier step captured; `\{{name}}` is the text itself. */

const placeholder = /\\?\{\{\s*([\w-]+)\s*\}\}/g

/** @param captured undefined leaves the placeholder as it is written */
export function fillPlaceholders(text: string, captured: (name: string) => string | undefined): string {
  return text.replace(placeholder, (whole, name: string) =>
    whole.startsWith('\\') ? whole.slice(1) : (captured(name) ?? whole),
  )
}

/** The names that a text asks for. */
export function placeholdersIn(text: string): readonly string[] {
  return [...text.matchAll(placeholder)].flatMap(([whole, name]) =>
    name === undefined || whole.startsWith('\\') ? [] : [name],
  )
}

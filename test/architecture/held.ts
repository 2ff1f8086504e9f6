/** What is returned while something is held has to have ended: `using` lets go before a promise that is returned has. */
import ts from 'typescript'

/** `src/…:line` of each promise that is returned, and not awaited, where something declared with `using` is let go. */
export function returnedWhileHeld(program: ts.Program, isOurs: (path: string) => boolean): readonly string[] {
  const checker = program.getTypeChecker()
  const found: string[] = []
  for (const file of program.getSourceFiles().filter(({ fileName }) => isOurs(fileName))) {
    const visit = (node: ts.Node, isHeld: boolean): void => {
      if (
        ts.isReturnStatement(node) &&
        node.expression !== undefined &&
        isHeld &&
        isPromise(checker, node.expression)
      ) {
        found.push(`${file.fileName}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1}`)
      }
      let holds = isHeld && !ts.isFunctionLike(node)
      ts.forEachChild(node, (child) => {
        visit(child, holds)
        holds ||= isUsing(child)
      })
    }
    visit(file, false)
  }
  return found
}

/** Both kinds: `using` and `await using`. */
function isUsing(node: ts.Node): boolean {
  return ts.isVariableStatement(node) && (node.declarationList.flags & ts.NodeFlags.Using) !== 0
}

function isPromise(checker: ts.TypeChecker, expression: ts.Expression): boolean {
  const type = checker.getTypeAtLocation(expression)
  return (type.isUnion() ? type.types : [type]).some((one) => one.getSymbol()?.name === 'Promise')
}

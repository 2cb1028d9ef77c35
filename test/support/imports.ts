import { readFileSync } from 'node:fs';
import ts from 'typescript';

/** One import in a source file. */
export interface Import {
  /** What is imported: a path or a package. */
  readonly from: string;
  /** `type` imports are gone when the program runs; `dynamic` ones are `import(…)`. */
  readonly kind: 'static' | 'dynamic' | 'type';
}

/** All imports of a TypeScript file, and what it exports from elsewhere. */
export function importsOf(file: string): readonly Import[] {
  const found: Import[] = [];
  const visit = (node: ts.Node): void => {
    const one = importIn(node);
    if (one !== undefined) found.push(one);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest));
  return found;
}

function importIn(node: ts.Node): Import | undefined {
  if (ts.isImportDeclaration(node)) {
    const isType = node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
    return importOf(node.moduleSpecifier, isType ? 'type' : 'static');
  }
  if (ts.isExportDeclaration(node)) {
    return importOf(node.moduleSpecifier, node.isTypeOnly ? 'type' : 'static');
  }
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    return importOf(node.arguments[0], 'dynamic');
  }
  return undefined;
}

function importOf(specifier: ts.Expression | undefined, kind: Import['kind']): Import | undefined {
  return specifier !== undefined && ts.isStringLiteralLike(specifier)
    ? { from: specifier.text, kind }
    : undefined;
}

/** The package that an import is from; nothing for files and for what Node.js brings. */
export function packageOf({ from }: Import): string | undefined {
  if (from.startsWith('.') || from.startsWith('node:')) return undefined;
  return from.split('/', from.startsWith('@') ? 2 : 1).join('/');
}

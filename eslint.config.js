import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';
import importX from 'eslint-plugin-import-x';
import jsdoc from 'eslint-plugin-jsdoc';
import tseslint from 'typescript-eslint';

/** Imports point one way: each folder of src may import itself and the folders named here, nothing else. */
const mayImport = {
  cli: [
    'dashboard',
    'processors',
    'queues',
    'pipelines',
    'destinations',
    'clickhouse',
    'formats',
    'embedded',
    'config',
    'observability',
  ],
  dashboard: ['queues', 'pipelines', 'config', 'observability'],
  processors: ['queues', 'pipelines', 'config', 'observability'],
  queues: ['pipelines', 'config', 'observability'],
  pipelines: ['destinations', 'clickhouse', 'formats', 'config', 'observability'],
  destinations: ['clickhouse', 'config', 'observability'],
  formats: ['config', 'observability'],
  clickhouse: ['config', 'observability'],
  embedded: ['config', 'observability'],
  config: ['observability'],
  observability: [],
};

const zones = Object.entries(mayImport).map(([folder, others]) => ({
  target: `./src/${folder}`,
  from: './src',
  except: [folder, ...others].map((name) => `./${name}`),
  message: `src/${folder} may import only ${[folder, ...others].join(', ')}.`,
}));

/** No pipeline imports another; what they share stands directly in src/pipelines. */
const pipelineNames = ['access-logs', 'tables', 'reports'];
for (const name of pipelineNames) {
  const others = pipelineNames.filter((other) => other !== name);
  if (others.length > 0) {
    zones.push({
      target: `./src/pipelines/${name}`,
      from: others.map((other) => `./src/pipelines/${other}`),
      message: 'No pipeline imports another.',
    });
  }
}

export default tseslint.config(
  { ignores: ['dist/', 'coverage/', 'node_modules/'] },
  {
    files: ['**/*.{ts,tsx}'],
    extends: [...tseslint.configs.strictTypeChecked, ...tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { 'import-x': importX, jsdoc },
    settings: { 'import-x/resolver-next': [createTypeScriptImportResolver()] },
    rules: {
      '@typescript-eslint/consistent-type-assertions': ['error', { assertionStyle: 'never' }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      'import-x/no-cycle': 'error',
      'import-x/no-extraneous-dependencies': 'error',
      'import-x/no-restricted-paths': ['error', { zones }],
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      eqeqeq: 'error',
      'no-console': 'error',
    },
  },
  {
    files: ['src/**/*.{ts,tsx}'],
    rules: {
      'jsdoc/require-jsdoc': [
        'error',
        {
          publicOnly: true,
          require: { ClassDeclaration: true, FunctionDeclaration: true, MethodDefinition: true },
          contexts: [
            'TSInterfaceDeclaration',
            'TSTypeAliasDeclaration',
            'ExportNamedDeclaration > VariableDeclaration',
          ],
          checkConstructors: false,
        },
      ],
      // Parameters whose names say it all need no @param.
      'jsdoc/check-param-names': ['error', { disableMissingParamChecks: true }],
    },
  },
);

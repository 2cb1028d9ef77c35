// Lets Node.js run the TypeScript of this repository as it stands: node --import ./scripts/loader/register.mjs FILE.ts
import { register } from 'node:module';

register('./hooks.mjs', import.meta.url);

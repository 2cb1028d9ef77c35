import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { RequestHandler } from 'express';
import type { Route } from '../route.js';

/** A file that pages load. */
interface Asset {
  readonly type: string;
  readonly content: Buffer;
  readonly gzipped: Buffer;
}

/** What pages load: scripts, style sheets and the icon, all served by the dashboard itself. */
export interface Assets {
  /** Where they are, below the base path, without a slash at its beginning; changes with their contents. */
  readonly path: string;
  readonly route: Route;
}

const TYPES: Readonly<Record<string, string>> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};

/** Files of packages, by the names under which pages load them. */
const OF_PACKAGES: Readonly<Record<string, string>> = {
  'vendor/preact.js': 'preact',
  'vendor/uplot.js': 'uplot/dist/uPlot.esm.js',
  'vendor/uplot.css': 'uplot/dist/uPlot.min.css',
};

/**
 * Reads what pages load. Their address holds a digest of all of them, so browsers may keep them for good: the next
 * version has another address.
 *
 * @throws when the program was not built, or a package is missing
 */
export function loadAssets(): Assets {
  const assets = new Map(
    [...ownFiles(), ...filesOfPackages()].map(([name, file]) => [name, assetFrom(file)]),
  );
  const digest = createHash('sha256');
  for (const [name, { content }] of [...assets].sort(([a], [b]) => (a < b ? -1 : 1))) {
    digest.update(`${name}\0${content.length}\0`).update(content);
  }
  const version = digest.digest('hex').slice(0, 16);
  return {
    path: `assets/${version}`,
    route: {
      method: 'get',
      path: '/assets/:version/*name',
      role: 'anyone',
      does: 'Scripts, style sheets and the icon of the pages.',
      handler: serve(assets, version),
    },
  };
}

function serve(assets: ReadonlyMap<string, Asset>, version: string): RequestHandler {
  return (request, response, next) => {
    const { name, version: wanted } = request.params;
    const asset = assets.get(Array.isArray(name) ? name.join('/') : '');
    if (asset === undefined) {
      next();
      return;
    }
    // While processes of two versions serve one address, a page may get a file of the other: it must not be kept.
    const isOurs = wanted === version;
    response.set({
      'Content-Type': asset.type,
      'Cache-Control': isOurs ? 'public, max-age=31536000, immutable' : 'no-store',
      Vary: 'Accept-Encoding',
    });
    if (request.acceptsEncodings('gzip') === 'gzip') {
      response.set('Content-Encoding', 'gzip').end(asset.gzipped);
    } else {
      response.end(asset.content);
    }
  };
}

function assetFrom(file: string): Asset {
  const content = readFileSync(file);
  const extension = file.slice(file.lastIndexOf('.') + 1);
  return {
    type: TYPES[extension === 'mjs' ? 'js' : extension] ?? 'application/octet-stream',
    content,
    gzipped: gzipSync(content),
  };
}

/** What `npm run build` made of the client, also when this file is run as TypeScript source under a test runner. */
function ownFiles(): readonly (readonly [string, string])[] {
  const root = import.meta.url.lastIndexOf(import.meta.url.endsWith('.ts') ? '/src/' : '/dist/');
  const directory = fileURLToPath(new URL('dist/dashboard/client/', import.meta.url.slice(0, root + 1)));
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(js|css|svg)$/.test(name))
    .map((name) => [name.replaceAll('\\', '/'), `${directory}${name}`]);
}

function filesOfPackages(): readonly (readonly [string, string])[] {
  const { resolve } = createRequire(import.meta.url);
  return Object.entries(OF_PACKAGES).map(([name, file]) => [name, resolve(file)]);
}

// Bundles the page into a folder that any static server can serve.
//
//   IDENTITY_URL=https://id.example.com node build.mjs [folder]      default: http://localhost:8888 into dist
import fs from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = path.dirname(fileURLToPath(import.meta.url));
const folder = path.resolve(process.argv[2] ?? path.join(here, 'dist'));
const identity = new URL(process.env.IDENTITY_URL ?? 'http://localhost:8888').origin;

await build({
  entryPoints: [path.join(here, 'src/main.js')],
  outfile: path.join(folder, 'main.js'),
  bundle: true,
  format: 'esm',
  minify: true,
  target: 'es2022',
  logLevel: 'warning',
});
const page = await fs.readFile(path.join(here, 'src/index.html'), 'utf8');
await fs.writeFile(path.join(folder, 'index.html'), page.replaceAll('{{IDENTITY_URL}}', identity));
await fs.copyFile(path.join(here, 'src/style.css'), path.join(folder, 'style.css'));

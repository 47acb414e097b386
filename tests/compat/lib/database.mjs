// Reaches behind the server into its rows, with the command-line client of the database.
import { execFile } from 'node:child_process';
import crypto from 'node:crypto';
import { promisify } from 'node:util';

const run = promisify(execFile);
const TABLES = { user: 'identity_users', session: 'identity_sessions' };

const snakeCase = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const quoted = (text) => `'${String(text).replaceAll("'", "''")}'`;

/** A SQLite file. */
export class Sqlite {
  #path;

  constructor(path) {
    this.#path = path;
  }

  get url() {
    return `sqlite://${this.#path}`;
  }

  async patch(model, where, set) {
    const sql = `${update(model, where, set, { bytes: (hex) => `x'${hex}'`, boolean: Number })}; SELECT changes();`;
    const { stdout } = await run('sqlite3', ['-cmd', '.timeout 5000', this.#path, sql]);
    return Number(stdout.trim());
  }

  async drop() {}
}

/** A database of its own on a PostgreSQL server. */
export class Postgres {
  #server;
  #name;

  /** Creates a database beside the one that the URL `server` names. */
  static async create(server) {
    const database = new Postgres();
    database.#server = server;
    database.#name = `identity_compat_${crypto.randomBytes(6).toString('hex')}`;
    await psql(server, `CREATE DATABASE ${database.#name}`);
    return database;
  }

  get url() {
    const url = new URL(this.#server);
    url.pathname = `/${this.#name}`;
    return url.href;
  }

  async patch(model, where, set) {
    const sql = update(model, where, set, { bytes: (hex) => `'\\x${hex}'::bytea`, boolean: String });
    return Number(/UPDATE (\d+)/.exec(await psql(this.url, sql))[1]);
  }

  async drop() {
    await psql(this.#server, `DROP DATABASE ${this.#name} WITH (FORCE)`);
  }
}

async function psql(url, sql) {
  return (await run('psql', ['--no-psqlrc', '-v', 'ON_ERROR_STOP=1', '-c', sql, url])).stdout;
}

function update(model, where, set, dialect) {
  const literal = (value) => {
    if (typeof value === 'boolean') return dialect.boolean(value);
    if (/^\d{4}-\d\d-\d\dT.*Z$/.test(value)) return quoted(value.replace(/Z$/, '000+00:00'));
    return quoted(value);
  };
  const condition = ([name, value]) => {
    if (name !== 'token') return `${snakeCase(name)} = ${literal(value)}`;
    return `token_digest = ${dialect.bytes(crypto.createHash('sha256').update(value).digest('hex'))}`;
  };
  const assignments = Object.entries(set).map(([name, value]) => `${snakeCase(name)} = ${literal(value)}`);
  return `UPDATE ${TABLES[model]} SET ${assignments.join(', ')} WHERE ${Object.entries(where).map(condition).join(' AND ')}`;
}

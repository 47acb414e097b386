// Compares traces with their reference, allowing exactly the listed differences.
import { isDeepStrictEqual } from 'node:util';

const ABSENT = '<absent>';

/** Every leaf in which `actual` is not `expected`, as `{ path, expected, got }`. */
export function drifts(path, expected, actual) {
  if (isDeepStrictEqual(expected, actual)) return [];
  const nested = (value) => value !== null && typeof value === 'object';
  if (nested(expected) && nested(actual) && Array.isArray(expected) === Array.isArray(actual)) {
    const keys = new Set([...Object.keys(expected), ...Object.keys(actual)]);
    return [...keys].flatMap((key) => drifts(`${path}.${key}`, expected[key], actual[key]));
  }
  return [{ path, expected: expected === undefined ? ABSENT : expected, got: actual === undefined ? ABSENT : actual }];
}

/**
 * The listed differences, `[{ reason, at: [{ path, got }] }]`. A path is `scenario#step.key.key`, where `*` stands for any characters.
 * A difference is allowed with the listed value alone, or with one that matches the regular expression `matches`, and has to occur.
 */
export class Differences {
  #entries;

  constructor(groups) {
    this.#entries = groups.flatMap(({ reason, at }) => {
      if (!reason || !at?.length) throw new Error('a listed difference needs a reason and a place');
      return at.map(({ path, got, matches }) => {
        const accepts = matches ? (value) => new RegExp(matches).test(value) : (value) => isDeepStrictEqual(got, value);
        return { pattern: pathPattern(path), path, accepts, reason, occurred: false };
      });
    });
  }

  allows({ path, got }) {
    const matching = this.#entries.filter((entry) => entry.pattern.test(path) && entry.accepts(got));
    for (const entry of matching) entry.occurred = true;
    return matching.length > 0;
  }

  /** The entries that no drift made use of, of those that belong to the `played` scenarios. */
  unused(played) {
    return this.#entries.filter(({ path, occurred }) => !occurred && played.some((name) => path.startsWith('*') || path.startsWith(`${name}#`)));
  }
}

function pathPattern(path) {
  const escaped = path.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${escaped.join('.*')}$`);
}

// A mail server that keeps what it is given: enough of SMTP (RFC 5321) and MIME (RFC 2045, 2046, 2047) for the mails of identity-server.
import { EventEmitter, once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';

/** What a scenario calls a mail, by the template it is made from. */
const TYPES = {
  verify_email: 'verify',
  verify_new_email: 'verify',
  verification_code: 'email-otp',
  reset_password: 'reset',
  confirm_email_change: 'change-email',
  delete_account: 'delete-account',
};

const TEMPLATES = new URL('../../../identity-core/src/mail/templates/en/', import.meta.url);

/** The templates' subjects as patterns, for a mail is told by its subject. */
const SUBJECTS = Object.entries(TYPES).map(([template, type]) => {
  const subject = fs.readFileSync(new URL(`${template}.subject`, TEMPLATES), 'utf8').trim();
  return { type, pattern: new RegExp(`^${subject.replace(/\{\{.*?\}\}/g, '.+')}$`) };
});

export class MailSink {
  #server;
  #mails = [];
  #arrived = new EventEmitter().setMaxListeners(0);

  static async start() {
    const sink = new MailSink();
    sink.#server = net.createServer((socket) => sink.#converse(socket));
    sink.#server.listen(0, '127.0.0.1');
    await once(sink.#server, 'listening');
    return sink;
  }

  get url() {
    return `smtp://127.0.0.1:${this.#server.address().port}`;
  }

  stop() {
    this.#server.close();
  }

  /** The mails of `type` to `to`, oldest first, once there are more than `after` of them or `patience` milliseconds have passed. */
  async mails({ type, to, after = 0, patience = 10_000 }) {
    const matching = () => this.#mails.filter((mail) => (!type || mail.type === type) && (!to || mail.to === to));
    const deadline = AbortSignal.timeout(patience);
    while (matching().length <= after) {
      try {
        await once(this.#arrived, 'mail', { signal: deadline });
      } catch {
        break;
      }
    }
    return matching();
  }

  #converse(socket) {
    let recipients = [];
    let data = null;
    const answer = (line) => socket.write(`${line}\r\n`);
    const verbs = {
      EHLO: () => answer('250-sink\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 PIPELINING'),
      HELO: () => answer('250 sink'),
      MAIL: () => {
        recipients = [];
        answer('250 OK');
      },
      RCPT: (line) => {
        recipients.push(/<(.*?)>/.exec(line)[1]);
        answer('250 OK');
      },
      DATA: () => {
        data = [];
        answer('354 Go on');
      },
      RSET: () => answer('250 OK'),
      NOOP: () => answer('250 OK'),
      QUIT: () => {
        answer('221 Bye');
        socket.end();
      },
    };
    const take = (line) => {
      if (data === null) {
        const verb = verbs[line.slice(0, 4).toUpperCase()];
        return verb ? verb(line) : answer('502 Not here');
      }
      if (line !== '.') return data.push(line.startsWith('.') ? line.slice(1) : line);
      for (const to of recipients) this.#mails.push({ to, ...readMail(data.join('\r\n')) });
      data = null;
      answer('250 Kept');
      this.#arrived.emit('mail');
    };
    let rest = '';
    socket.setEncoding('latin1');
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      const lines = (rest + chunk).split('\r\n');
      rest = lines.pop();
      lines.forEach(take);
    });
    answer('220 sink ESMTP');
  }
}

/** Type, subject and text of a message, with the link or code that it carries. */
export function readMail(source) {
  const { headers, parts } = parseEntity(source);
  const text = parts.find((part) => part.type === 'text/plain')?.body ?? parts[0].body;
  const url = /https?:\/\/\S+\/(?:verify-email|reset-password|delete-user)[^\s<>"]*/.exec(text)?.[0];
  const otp = /\b\d{6}\b/.exec(text.replace(/https?:\S+/g, ''))?.[0];
  const subject = headers.get('subject');
  const token = url && (new URL(url).searchParams.get('token') ?? /\/reset-password\/([^?]+)/.exec(url)?.[1]);
  return {
    type: SUBJECTS.find(({ pattern }) => pattern.test(subject))?.type,
    subject,
    text,
    html: parts.find((part) => part.type === 'text/html')?.body,
    ...(url ? { url, token } : {}),
    ...(otp ? { otp } : {}),
  };
}

function parseEntity(source) {
  const end = source.indexOf('\r\n\r\n');
  const head = source.slice(0, end).replace(/\r\n[ \t]+/g, ' ');
  const headers = new Map(head.split('\r\n').map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]));
  const body = source.slice(end + 4);
  const contentType = headers.get('content-type') ?? 'text/plain';
  const boundary = /boundary="?([^";]+)"?/i.exec(contentType)?.[1];
  if (!boundary) return { headers, parts: [{ type: contentType.split(';')[0].trim().toLowerCase(), body: decode(body, headers) }] };
  const sections = body.split(`--${boundary}`).slice(1, -1);
  return { headers, parts: sections.flatMap((section) => parseEntity(section.replace(/^\r\n/, '')).parts) };
}

function decode(body, headers) {
  const encoding = headers.get('content-transfer-encoding')?.toLowerCase();
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString('utf8');
  if (encoding !== 'quoted-printable') return Buffer.from(body, 'latin1').toString('utf8');
  const bytes = body.replace(/=\r\n/g, '').replace(/=([0-9A-F]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

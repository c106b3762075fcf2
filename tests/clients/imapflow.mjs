// A day of imapflow, which webmail and mail APIs written for Node are built on, over one account. Run by ./imapflow.
//
//   node imapflow.mjs MODULES HOST PORT tls|starttls|plain USER PASSWORD
//
// Prints a line for each step that went as it should; the first that does not ends it with status 1.
import assert from "node:assert/strict";
import { createRequire } from "node:module";

const [modules, host, port, security, user, pass] = process.argv.slice(2);
const { ImapFlow } = createRequire(modules + "/")("imapflow");
const SECONDS_MAX = 60;

function client() {
  return new ImapFlow({
    host, port: Number(port), secure: security === "tls", doSTARTTLS: security === "tls" ? undefined : security === "starttls",
    auth: { user, pass }, tls: { rejectUnauthorized: false }, logger: false, qresync: true,
  });
}

function letter(subject, text) {
  return ["From: Alice <alice@example.test>", "To: bob@example.test", `Subject: ${subject}`, `Message-ID: <${subject}@example.test>`,
    "MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=b", "", "--b", "Content-Type: text/plain; charset=utf-8", "", text,
    "--b", "Content-Type: application/octet-stream; name=data.bin", "Content-Transfer-Encoding: base64", "", "AAECAwQF", "--b--", ""].join("\r\n");
}

async function octets(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

const subjects = async (flow, query = "1:*") => {
  const found = [];
  for await (const message of flow.fetch(query, { envelope: true })) found.push(message.envelope.subject);
  return found;
};

const steps = {
  "logs in and has QRESYNC and UTF-8 names": async (flow) => {
    assert.equal(flow.usable, true);
    for (const word of ["QRESYNC", "CONDSTORE"]) assert.ok(flow.enabled.has(word), `${word} is enabled`);
  },
  "makes a mailbox with a name in UTF-8 and appends to it": async (flow) => {
    const made = await flow.mailboxCreate("Entwürfe 2");
    assert.equal(made.created, true);
    for (const [at, name] of ["one", "two", "three"].entries()) {
      const kept = await flow.append("Entwürfe 2", letter(name, `text ${name}`), at === 0 ? ["\\Seen", "$Work"] : []);
      assert.equal(kept.uid, at + 1);
    }
  },
  "lists it with its status": async (flow) => {
    const listed = await flow.list({ statusQuery: { messages: true, unseen: true, uidNext: true, highestModseq: true } });
    const entry = listed.find((folder) => folder.path === "Entwürfe 2");
    assert.deepEqual([entry.status.messages, entry.status.unseen, entry.status.uidNext], [3, 2, 4]);
  },
  "fetches envelopes, structure and source": async (flow) => {
    await flow.mailboxOpen("Entwürfe 2");
    assert.deepEqual(await subjects(flow), ["one", "two", "three"]);
    const message = await flow.fetchOne("1", { source: true, bodyStructure: true, flags: true, size: true });
    assert.equal(message.source.toString(), letter("one", "text one"));
    assert.equal(message.size, message.source.length);
    assert.deepEqual([...message.flags].filter((flag) => flag !== "\\Recent").sort(), ["$Work", "\\Seen"]);
    assert.equal(message.bodyStructure.childNodes[1].type, "application/octet-stream");
  },
  "downloads a part, decoded": async (flow) => {
    const { content } = await flow.download("2", "2");
    assert.deepEqual([...(await octets(content))], [0, 1, 2, 3, 4, 5]);
  },
  "searches": async (flow) => {
    assert.deepEqual(await flow.search({ subject: "two" }, { uid: true }), [2]);
    assert.deepEqual(await flow.search({ body: "text three", seen: false }, { uid: true }), [3]);
    assert.deepEqual(await flow.search({ keyword: "$Work" }, { uid: true }), [1]);
  },
  "changes flags": async (flow) => {
    await flow.messageFlagsAdd("2", ["\\Flagged", "$Later"], { uid: true });
    await flow.messageFlagsRemove("1", ["$Work"], { uid: true });
    assert.deepEqual(await flow.search({ flagged: true }, { uid: true }), [2]);
    assert.deepEqual(await flow.search({ keyword: "$Work" }, { uid: true }), []);
  },
  "copies, moves and deletes": async (flow) => {
    await flow.mailboxCreate("Archive");
    const copied = await flow.messageCopy("1", "Archive", { uid: true });
    assert.equal(copied.uidMap.get(1), 1);
    const moved = await flow.messageMove("2", "Archive", { uid: true });
    assert.equal(moved.uidMap.get(2), 2);
    await flow.messageDelete("1", { uid: true });
    assert.deepEqual(await subjects(flow), ["three"]);
    await flow.mailboxOpen("Archive");
    assert.deepEqual(await subjects(flow), ["one", "two"]);
  },
  "renames and removes mailboxes": async (flow) => {
    await flow.mailboxRename("Archive", "Archive 2026");
    await flow.mailboxOpen("INBOX");
    await flow.mailboxDelete("Archive 2026");
    assert.ok(!(await flow.list()).some((folder) => folder.path.startsWith("Archive")));
    await flow.mailboxDelete("Entwürfe 2");
  },
  "is told in IDLE of what comes, is flagged and goes": async (flow) => {
    const lock = await flow.getMailboxLock("INBOX");
    const other = client();
    await other.connect();
    try {
      const next = (event) => new Promise((resolve) => flow.once(event, resolve));
      const idling = flow.idle();
      const came = next("exists");
      await other.append("INBOX", letter("news", "text"), []);
      assert.equal((await came).count, 1);
      const flagged = next("flags");
      await other.mailboxOpen("INBOX");
      await other.messageFlagsAdd("1", ["\\Flagged"]);
      assert.ok((await flagged).flags.has("\\Flagged"));
      const gone = next("expunge");
      await other.messageDelete("1");
      assert.equal((await gone).path, "INBOX");
      await flow.noop();
      await idling;
    } finally {
      await other.logout();
      lock.release();
    }
  },
};

const timer = setTimeout(() => {
  console.error("not done in time");
  process.exit(1);
}, SECONDS_MAX * 1000);
const flow = client();
await flow.connect();
for (const [name, step] of Object.entries(steps)) {
  try {
    await step(flow);
  } catch (error) {
    console.error(`${name}: ${error.message}`);
    process.exit(1);
  }
  console.log(`ok ${name}`);
}
await flow.logout();
clearTimeout(timer);

// A day of imapflow, which webmail and mail APIs written for Node.js are built on, over one account. Run by ../imapflow_test.py.
//
//   node session.mjs MODULES HOST PORT tls|starttls|plain|old USER PASSWORD
//
// MODULES is a folder with node_modules/imapflow. `old` is TLS with nothing enabled: IMAP4rev1, no CONDSTORE, no compression, as
// programs set it that meet old servers. The account has a quota of 8 MiB and is empty but for what the server makes by itself.
// Prints a line for each step that went as it should; the first that does not ends it with status 1.
import assert from "node:assert/strict";
import { createRequire } from "node:module";

const [modules, host, port, mode, user, pass] = process.argv.slice(2);
const { ImapFlow } = createRequire(modules + "/")("imapflow");
const SECONDS_MAX = 60;  // for all steps; they take five
const old = mode === "old";
const BOX = "Entwürfe 2";
const BINARY = Buffer.from([0, 1, 2, 3, 4, 255]);
const LARGE = Buffer.from(letter("large", "0123456789 abcdefghijklmnopqrstuvwxyz\r\n".repeat(60000)));  // 2.3 MB

function client(options = {}) {
  const secure = mode === "tls" || old;
  const plainly = { disableAutoEnable: true, disableIMAP4rev2: true, disableCompression: true, disableBinary: true };
  return new ImapFlow({
    host, port: Number(port), secure, doSTARTTLS: secure ? undefined : mode === "starttls", auth: { user, pass },
    tls: { rejectUnauthorized: false }, logger: false, ...(old ? plainly : { qresync: true }), ...options,
  });
}

function letter(subject, text) {
  return ["From: Alice Ångström <alice@example.test>", "To: bob@example.test", `Subject: ${subject}`,
    `Message-ID: <${subject}@example.test>`, "X-Order: 17", "Date: Mon, 02 Mar 2026 10:00:00 +0100", "MIME-Version: 1.0",
    "Content-Type: multipart/mixed; boundary=b", "", "--b", "Content-Type: text/plain; charset=iso-8859-1",
    "Content-Transfer-Encoding: quoted-printable", "", `Sch=F6ne Gr=FC=DFe, ${text}`,
    "--b", "Content-Type: application/octet-stream", "Content-Disposition: attachment; filename*=utf-8''%C3%9Cbersicht.bin",
    "Content-Transfer-Encoding: base64", "", BINARY.toString("base64"), "--b--", ""].join("\r\n");
}

async function octets(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

async function subjects(flow) {
  const found = [];
  for await (const message of flow.fetch("1:*", { envelope: true })) found.push(message.envelope.subject);
  return found;
}

const entry = async (flow, path, options) => (await flow.list(options)).find((folder) => folder.path === path);
const own = (flags) => [...flags].filter((flag) => flag !== "\\Recent").sort();
const uids = { uid: true };

const steps = {
  "logs in, knows the server, and has enabled what both can": async (flow) => {
    assert.ok(flow.usable && flow.authenticated);
    assert.equal(flow.secureConnection, mode !== "plain");
    assert.equal(flow.serverInfo.name, "Pennypost");
    assert.deepEqual([...flow.enabled].sort(), old ? [] : ["CONDSTORE", "IMAP4REV2", "QRESYNC", "UTF8=ACCEPT"]);
  },
  "finds the folders for special use": async (flow) => {
    const folders = await flow.list();
    assert.equal(folders[0].path, "INBOX");
    const uses = folders.filter((folder) => folder.specialUseSource === "extension").map((folder) => folder.specialUse);
    for (const use of ["\\Drafts", "\\Junk", "\\Sent", "\\Trash"]) assert.ok(uses.includes(use), `${use} is among ${uses}`);
  },
  "makes a mailbox once, and appends with flags and a date": async (flow) => {
    assert.equal((await flow.mailboxCreate(BOX)).created, true);
    assert.equal((await flow.mailboxCreate(BOX)).created, false);
    for (const [at, name] of ["one", "two", "three"].entries()) {
      const kept = await flow.append(BOX, letter(name, `text ${name}`), at === 0 ? ["\\Seen", "$Work"] : [], new Date(Date.UTC(2026, 2, 10 + at, 12)));
      assert.equal(kept.uid, at + 1);
    }
  },
  "lists it with its status, subscribed and not": async (flow) => {
    const { status, subscribed } = await entry(flow, BOX, { statusQuery: { messages: true, unseen: true, uidNext: true, uidValidity: true } });
    assert.deepEqual([status.messages, status.unseen, status.uidNext, subscribed], [3, 2, 4, true]);
    assert.equal(await flow.mailboxUnsubscribe(BOX), true);
    assert.ok(!(await entry(flow, BOX)).subscribed);
    assert.equal(await flow.mailboxSubscribe(BOX), true);
    assert.equal((await entry(flow, BOX)).subscribed, true);
    assert.deepEqual(await flow.status(BOX, { messages: true, uidValidity: true }), { path: BOX, messages: 3, uidValidity: status.uidValidity });
  },
  "fetches envelopes, dates, structure, headers, parts and source": async (flow) => {
    const opened = await flow.mailboxOpen(BOX);
    assert.deepEqual([opened.exists, opened.uidNext, opened.readOnly, opened.permanentFlags.has("\\*")], [3, 4, false, true]);
    assert.deepEqual(await subjects(flow), ["one", "two", "three"]);
    const message = await flow.fetchOne("1", { source: true, bodyStructure: true, envelope: true, flags: true, size: true, internalDate: true,
      headers: ["X-Order"], bodyParts: ["1", { key: "2", start: 2, maxLength: 4 }] });
    assert.equal(message.source.toString(), letter("one", "text one"));
    assert.equal(message.size, message.source.length);
    assert.deepEqual(own(message.flags), ["$Work", "\\Seen"]);
    assert.equal(message.internalDate.getTime(), Date.UTC(2026, 2, 10, 12));
    assert.equal(message.envelope.date.getTime(), Date.UTC(2026, 2, 2, 9));
    assert.deepEqual(message.envelope.from, [{ name: "Alice Ångström", address: "alice@example.test" }]);
    assert.equal(message.envelope.messageId, "<one@example.test>");
    assert.equal(message.headers.toString().trim(), "X-Order: 17");
    assert.deepEqual(message.bodyStructure.childNodes.map((node) => node.type), ["text/plain", "application/octet-stream"]);
    assert.equal(message.bodyStructure.childNodes[1].dispositionParameters.filename, "Übersicht.bin");
    assert.equal(message.bodyParts.get("1").toString(), "Sch=F6ne Gr=FC=DFe, text one");
    assert.equal(message.bodyParts.get("2").toString(), BINARY.toString("base64").slice(2, 6));
    assert.deepEqual((await flow.fetchAll("1:*", { source: { start: 6, maxLength: 5 } })).map((part) => part.source.toString()),
      ["Alice", "Alice", "Alice"]);
    assert.deepEqual(own((await flow.fetchOne("2", { flags: true })).flags), []);  // reading has not marked it
  },
  "downloads parts, decoded": async (flow) => {
    const { meta, content } = await flow.download("2", "1", uids);
    assert.equal(meta.contentType, "text/plain");
    assert.equal((await octets(content)).toString(), "Schöne Grüße, text two");
    const many = await flow.downloadMany("3", ["1", "2"], uids);
    assert.equal(many["2"].meta.filename, "Übersicht.bin");
    assert.deepEqual(many["2"].content, BINARY);
    assert.match(many["1"].content.toString(), /text three/);
  },
  "searches by words, flags, fields, sizes, dates, and what is joined of them": async (flow) => {
    const finds = async (query, expected) => assert.deepEqual(await flow.search(query, uids), expected, JSON.stringify(query));
    await finds({ all: true }, [1, 2, 3]);
    await finds({ subject: "two" }, [2]);
    await finds({ body: "text three", seen: false }, [3]);
    await finds({ body: "Grüße", from: "ÅNGSTRÖM" }, [1, 2, 3]);
    await finds({ keyword: "$Work" }, [1]);
    await finds({ header: { "X-Order": "17" }, uid: "2:*" }, [2, 3]);
    await finds({ header: { "X-Other": true } }, []);
    await finds({ or: [{ subject: "one" }, { subject: "three", seen: false }, { subject: "nowhere" }] }, [1, 3]);
    await finds({ not: { subject: "one", seen: true } }, [2, 3]);
    await finds({ larger: 100, smaller: 100000, on: new Date(Date.UTC(2026, 2, 11)) }, [2]);
    await finds({ sentSince: new Date(Date.UTC(2026, 2, 2)), sentBefore: new Date(Date.UTC(2026, 2, 3)) }, [1, 2, 3]);
    await finds({ since: new Date(Date.UTC(2026, 2, 12)) }, [3]);
    assert.deepEqual(await flow.search({ unKeyword: "$Work" }, { uid: true, returnOptions: ["MIN", "MAX", "COUNT"] }), { min: 2, max: 3, count: 2 });
    assert.deepEqual((await flow.fetchAll({ subject: "three" }, { envelope: true })).map((message) => message.uid), [3]);
  },
  "adds, removes and sets flags": async (flow) => {
    const flags = async (uid) => own((await flow.fetchOne(String(uid), { flags: true }, uids)).flags);
    await flow.messageFlagsAdd("2", ["\\Flagged", "$Later"], uids);
    await flow.messageFlagsRemove("1", ["$Work"], uids);
    assert.deepEqual([await flags(1), await flags(2)], [["\\Seen"], ["$Later", "\\Flagged"]]);
    await flow.messageFlagsSet({ subject: "two" }, ["\\Answered"]);
    await flow.messageFlagsAdd("3", ["\\Seen"], { uid: true, silent: true });
    assert.deepEqual([await flags(2), await flags(3)], [["\\Answered"], ["\\Seen"]]);
    await flow.setFlagColor("3", "orange", uids);
    assert.equal((await flow.fetchOne("3", { flags: true }, uids)).flagColor, "orange");
  },
  "copies, moves and deletes": async (flow) => {
    await flow.mailboxCreate("Archive 1");
    assert.deepEqual([...(await flow.messageCopy("1,3", "Archive 1", uids)).uidMap], [[1, 1], [3, 2]]);
    assert.deepEqual([...(await flow.messageMove("2", "Archive 1", uids)).uidMap], [[2, 3]]);
    assert.deepEqual(await subjects(flow), ["one", "three"]);
    await flow.messageDelete("1", uids);
    assert.deepEqual(await subjects(flow), ["three"]);
  },
  "holds two mailboxes by locks, one after the other, and one of them for reading only": async (flow) => {
    const first = await flow.getMailboxLock("Archive 1", { readOnly: true });
    const second = flow.getMailboxLock(BOX);
    assert.deepEqual([flow.mailbox.readOnly, await subjects(flow)], [true, ["one", "three", "two"]]);
    first.release();
    (await second).release();
    assert.deepEqual([flow.mailbox.path, flow.mailbox.readOnly, await subjects(flow)], [BOX, false, ["three"]]);
  },
  "takes a large message and gives it back octet for octet": async (flow) => {
    const { uid } = await flow.append(BOX, LARGE);
    assert.ok((await flow.fetchOne(String(uid), { source: true }, uids)).source.equals(LARGE));
    assert.ok((await octets((await flow.download(String(uid), undefined, uids)).content)).equals(LARGE));
  },
  "is told of the quota, and that a message does not fit": async (flow) => {
    const { storage } = await flow.getQuota(BOX);
    assert.equal(storage.limit, 8 << 20);
    assert.ok(storage.usage > 2e6 && storage.usage < 3e6, `${storage.usage} octets are used`);
    await assert.rejects(flow.append(BOX, Buffer.concat([LARGE, LARGE, LARGE, LARGE])), { serverResponseCode: "OVERQUOTA" });
  },
  "is told why a command fails": async (flow) => {
    await assert.rejects(flow.mailboxOpen("nowhere"), { serverResponseCode: "NONEXISTENT" });
    await assert.rejects(flow.append("nowhere", letter("lost", "")), { serverResponseCode: "TRYCREATE" });
    await assert.rejects(flow.mailboxDelete("nowhere"), { serverResponseCode: "NONEXISTENT" });
  },
  "makes mailboxes below each other, and renames and removes them": async (flow) => {
    const { path } = await flow.mailboxCreate(["Projekte", "2026"]);
    const tree = (await flow.listTree()).folders.find((folder) => folder.name === "Projekte");
    assert.deepEqual(tree.folders.map((folder) => folder.path), [path]);
    await flow.mailboxRename("Projekte", "Projekte & Pläne");
    assert.ok(await entry(flow, path.replace("Projekte", "Projekte & Pläne")));
    for (const gone of [path.replace("Projekte", "Projekte & Pläne"), "Archive 1", BOX]) await flow.mailboxDelete(gone);
    assert.ok(!(await flow.list()).some((folder) => /^(Projekte|Archive 1|Entwürfe)/.test(folder.path)));
  },
  "is told in IDLE of what comes, is flagged and goes": async (flow) => {
    const lock = await flow.getMailboxLock("INBOX");
    const other = client();
    await other.connect();
    const next = (event) => new Promise((resolve) => flow.once(event, resolve));
    const idling = flow.idle();
    const came = next("exists");
    await other.append("INBOX", letter("news", "text"), []);
    assert.deepEqual(await came, { path: "INBOX", count: 1, prevCount: 0 });
    const flagged = next("flags");
    await other.mailboxOpen("INBOX");
    await other.messageFlagsAdd("1", ["\\Flagged"]);
    assert.ok((await flagged).flags.has("\\Flagged"));
    const gone = next("expunge");
    await other.messageDelete("1");
    assert.deepEqual(await gone, { path: "INBOX", vanished: !old, ...(old ? { seq: 1 } : { uid: 1, earlier: false }) });
    await flow.noop();
    await idling;
    await other.logout();
    lock.release();
  },
};

// What needs an extension that `old` leaves off.
const extended = {
  "comes back later and is told only of what has changed since": async (flow) => {
    for (const name of ["a", "b", "c"]) await flow.append("Sent", letter(name, ""));
    const { highestModseq, uidValidity } = await flow.mailboxOpen("Sent");
    await flow.messageFlagsAdd("2", ["\\Seen"], uids);
    const changed = await flow.fetchAll("1:*", { flags: true }, { uid: true, changedSince: highestModseq });
    assert.deepEqual(changed.map((message) => [message.uid, own(message.flags)]), [[2, ["\\Seen"]]]);
    assert.ok(changed[0].modseq > highestModseq);
    // Whoever has not seen that change does not overwrite it.
    await flow.messageFlagsSet("2", ["\\Answered"], { uid: true, unchangedSince: highestModseq });
    assert.deepEqual(own((await flow.fetchOne("2", { flags: true }, uids)).flags), ["\\Seen"]);
    await flow.messageDelete("1", uids);
    await flow.mailboxClose();
    const told = { flags: [], expunge: [] };
    for (const event of Object.keys(told)) flow.on(event, ({ uid, earlier }) => told[event].push([uid, earlier]));
    await flow.mailboxOpen("Sent", { changedSince: highestModseq, uidValidity });
    assert.deepEqual(told, { flags: [[2, undefined]], expunge: [[1, true]] });
    for (const event of Object.keys(told)) flow.removeAllListeners(event);
  },
  "knows a message again by its id after a move": async (flow) => {
    const [before] = await flow.fetchAll("3", { threadId: true }, uids);
    const { uidMap } = await flow.messageMove("3", "Trash", uids);
    await flow.mailboxOpen("Trash");
    const [after] = await flow.fetchAll(String(uidMap.get(3)), { threadId: true }, uids);
    assert.ok(before.emailId);
    assert.equal(after.emailId, before.emailId);
    assert.deepEqual(await flow.search({ emailId: before.emailId }, uids), [after.uid]);
  },
};

const last = {
  "is told that a password is wrong": async () => {
    const stranger = client({ auth: { user, pass: pass + "!" } });
    await assert.rejects(stranger.connect(), { authenticationFailed: true, serverResponseCode: "AUTHENTICATIONFAILED" });
    stranger.close();
  },
};

let now = "logs in";
const fail = (why) => {
  console.error(`${now}: ${why}`);
  process.exit(1);
};
const timer = setTimeout(() => fail(`not done when ${SECONDS_MAX} s were over`), SECONDS_MAX * 1000);
try {
  const flow = client();
  await flow.connect();
  for (const [name, step] of Object.entries({ ...steps, ...(old ? {} : extended), ...last })) {
    now = name;
    await step(flow);
    console.log(`ok ${name}`);
  }
  now = "logs out";
  await flow.logout();
} catch (error) {
  fail(`${error.message}${error.responseText ? `: ${error.responseText}` : ""}`);
}
clearTimeout(timer);

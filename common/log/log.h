// Builds log lines in Postfix's and Dovecot's grammar, which scripts expect.
//
// There is one function per kind of line; no other code builds log lines. First comes the subject
// (`QUEUEID:` or `NOQUEUE:`), then `key=value, `, and the reason last in parentheses. Text from
// outside goes through printable(), so that it stays one line whatever a client sends. The
// component in the tag is Postfix's for the same step (smtpd, cleanup, qmgr, local, smtp, bounce),
// so that pflogsumm and fail2ban work.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/log/sink.h"

namespace pennypost {

/// The peer of a connection: `mx.example.net[192.0.2.7]`; `unknown` if the address has no name.
struct LogPeer {
  std::string_view name;
  std::string_view address;
  std::string_view component = "smtpd";  ///< for lines about this client; see LogSink
};

// Free text: the component and one sentence. The whole text is passed through printable() here.

void log_info(std::string_view component, std::string_view text);
void log_warning(std::string_view component, std::string_view text);
void log_error(std::string_view component, std::string_view text);
/// For a daemon that must end because of it; the caller ends it.
void log_fatal(std::string_view component, std::string_view text);

// smtpd: a client's session.

/// `smtpd: connect from mx.example.net[192.0.2.7]`
void log_connect(const LogPeer& peer);
/// `smtpd: disconnect from mx[192.0.2.7] ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4`; `counts` is
/// the text beginning with ehlo=.
void log_disconnect(const LogPeer& peer, std::string_view counts);
/// `smtpd: lost connection after DATA from mx[192.0.2.7]`; `what` is `lost connection`, `timeout`,
/// `too many errors` or `improper command pipelining`.
void log_broken_off(std::string_view what, std::string_view stage, const LogPeer& peer);
/// Whose mail a client passes on, as XFORWARD says: `orig_queue_id=…, orig_client=…`.
struct LogOrigin {
  std::string queue_id;
  std::string client;
};

/// `smtpd: 4Zk2Qn1: client=mx[192.0.2.7], sasl_method=PLAIN, sasl_username=ann`; the last two only
/// if the client has logged in.
void log_client(std::string_view queue_id, const LogPeer& peer, std::string_view sasl_method,
                std::string_view sasl_username, const LogOrigin& origin = {});
/// `smtpd: Anonymous TLS connection established from mx[192.0.2.7]: TLSv1.3 with cipher X (256/256
/// bits)`; `trust` is Anonymous, Untrusted, Trusted or Verified. For a client's lines see
/// tls_log.h.
void log_tls(std::string_view trust, const LogPeer& peer, std::string_view protocol,
             std::string_view cipher, int bits);
/// `smtpd: warning: mx[192.0.2.7]: SASL PLAIN authentication failed: REASON, sasl_username=ann`
void log_sasl_failed(const LogPeer& peer, std::string_view mechanism, std::string_view reason,
                     std::string_view sasl_username);

/// What a reject line contains besides its reply; empty parts are omitted.
struct LogTransaction {
  std::string_view queue_id;  ///< empty: NOQUEUE
  std::string_view stage;     ///< CONNECT, HELO, MAIL, RCPT, DATA, END-OF-MESSAGE
  LogPeer peer;
  bool has_sender = false;
  std::string_view sender;
  bool has_recipient = false;
  std::string_view recipient;
  std::string_view protocol;  ///< SMTP, ESMTP
  std::string_view helo;
};
/// `smtpd: NOQUEUE: reject: RCPT from h[192.0.2.9]: 554 5.7.1 <x@y>: Relay access denied;
/// from=<a@b> to=<x@y> proto=ESMTP helo=<h>`; `action` is reject, reject_warning, discard, hold,
/// redirect, warn.
void log_decision(std::string_view action, const LogTransaction& transaction,
                  std::string_view reply);

// Lines about a message on its way.

/// `smtpd: 4Zk2Qn1: authentication: spf=pass dkim=pass (example.org) dmarc=pass (example.org)`
void log_authentication(const LogTransaction& transaction, std::string_view results);

/// `cleanup: 4Zk2Qn1: message-id=<a1@example.net>`; the id with its brackets, as in the header.
void log_message_id(std::string_view queue_id, std::string_view message_id);
/// `cleanup: 4Zk2Qn1: reject: header Subject: x from h[192.0.2.9]; from=<a@b> to=<x@y> proto=ESMTP
/// helo=<h>: 5.7.1 no`; `action` is reject, warning, info, discard, hold, redirect, bcc, prepend,
/// replace, strip or pass, `part` header or body; without an address of the peer: `from local`. An
/// empty `text` is omitted.
void log_content_check(std::string_view action, std::string_view part, std::string_view content,
                       const LogTransaction& transaction, std::string_view text);
/// `smtp: 4Zk2Qn1: replace: header Subject: x: Subject: y`, for smtp_header_checks and their kin;
/// the component is smtp or lmtp, the rest as above.
void log_sent_content_check(std::string_view component, std::string_view queue_id,
                            std::string_view action, std::string_view part,
                            std::string_view content, std::string_view text);
/// `pickup: 4Zk2Qn1: uid=1000 from=<ann>`
void log_pickup(std::string_view queue_id, std::uint32_t uid, std::string_view sender);
/// `qmgr: 4Zk2Qn1: from=<ann@example.net>, size=2312, nrcpt=1 (queue active)`
void log_active(std::string_view queue_id, std::string_view sender, std::uint64_t size_bytes,
                std::size_t recipients);
/// `qmgr: 4Zk2Qn1: from=<ann@example.net>, status=expired, returned to sender`; force-expired if an
/// admin had it returned.
void log_expired(std::string_view queue_id, std::string_view sender, bool is_forced);
/// `qmgr: 4Zk2Qn1: removed`
void log_removed(std::string_view queue_id);
/// `postsuper: 4Zk2Qn1: removed`, placed on hold, released from hold, requeued.
void log_queue_change(std::string_view queue_id, std::string_view what);

/// One recipient's outcome.
struct LogDelivery {
  std::string_view component;  ///< local, smtp, error, pipe, virtual
  int process = 0;             ///< the process that made the attempt; 0: this one
  std::string_view queue_id;
  std::string_view recipient;
  std::string_view original;  ///< as received; omitted if empty or equal to recipient
  std::string_view relay;     ///< `local`, `none`, `mx.example.net[192.0.2.7]:25`
  int connection_use = 1;     ///< the number of messages on this connection; 1 is omitted
  /// Before the queue manager, in it, setting up the connection, sending (Postfix's a/b/c/d).
  std::array<Microseconds, 4> delays{};
  std::string_view dsn;     ///< 2.0.0
  std::string_view status;  ///< sent, deferred, bounced, expired, undeliverable, deliverable
  std::string_view reason;  ///< delivered to maildir
};
/// `local: 4Zk2Qn1: to=<bob@example.org>, orig_to=<staff@example.org>, relay=local, delay=0.2,
/// delays=0.1/0/0/0.1, dsn=2.0.0, status=sent (delivered to maildir)`
void log_delivery(const LogDelivery& delivery);

/// `bounce: 4Zk2Qn1: sender non-delivery notification: 4Zk2Qn2`; `kind` is `non-delivery`, `delay`
/// or `delivery status`; `to` is `sender` or `postmaster`.
void log_notification(std::string_view queue_id, std::string_view to, std::string_view kind,
                      std::string_view notification_id);

// popd and imapd: logins.

/// What lines about a login contain.
struct LogLogin {
  std::string_view service;  ///< imap, pop3
  std::string_view user;     ///< empty: not yet known
  std::string_view method;   ///< PLAIN; empty: none tried
  std::string_view remote;   ///< rip
  std::string_view local;    ///< lip
  bool tls = false;
  std::string_view session;
};
/// `imap-login: Login: user=<bob>, method=PLAIN, rip=192.0.2.8, lip=192.0.2.1, TLS, session=<…>`
void log_login(const LogLogin& login);
/// `imap-login: Disconnected: Auth failed (auth failed, 1 attempts in 2 secs): user=<bob>, …`
void log_login_ended(const LogLogin& login, std::string_view why);
/// `imap: user=<bob>, session=<…>: Disconnected: Logged out in=10 out=300`
void log_logout(std::string_view service, std::string_view user, std::string_view session,
                std::string_view why, std::string_view counts);

/// What a user did with a message or a mailbox (mail_log_events).
struct LogMailEvent {
  std::string_view service;  ///< imap, pop3
  std::string_view user;
  std::string_view session;
  std::string_view event;  ///< delete, expunge, copy, ...
  std::string_view from;   ///< of a copy: the mailbox in which the message was; empty: not said
  /// Name and value, in this order: box, uid, msgid, size, from, subject, vsize, flags.
  std::vector<std::pair<std::string_view, std::string>> fields;
};
/// `imap: user=<bob>, session=<…>: expunge: box=INBOX, uid=7, msgid=<a1@example.net>, size=2312`
void log_mail_event(const LogMailEvent& event);
/// `imap: user=<bob>, session=<…>: Mailbox renamed: Old -> New`; without `to` only the one name.
void log_mailbox_event(const LogMailEvent& event, std::string_view box, std::string_view to);

// The master.

/// `master: daemon started -- version 0.1.0, configuration /etc/pennypost`; `what` is `daemon
/// started`, `reload`, `terminating on signal 15`.
void log_master(std::string_view daemon, std::string_view what, std::string_view directory);
/// `master: warning: process imapd: login pid 71 killed by signal 11`, or `exit status 1`.
void log_child_died(std::string_view daemon, std::string_view process, int pid, int wait_status);

/// Seconds as Postfix logs them: two significant digits, at most two decimals: 0.02, 1.5, 12.
std::string delay_text(Microseconds delay);

}  // namespace pennypost

// Writes the log lines about strangers that are tested before a session, as Postfix's postscreen
// and dnsblog do, so that what reads those finds them here.
#pragma once

#include <string_view>

#include "common/base/clock.h"

namespace pennypost {

/// A client and where it connects to: `[192.0.2.7]:4711`.
struct ScreenedPeer {
  std::string_view client;  ///< as Endpoint::text() has it for IPv6: `[2001:db8::1]:4711`
  std::string_view server;
};

/// `postscreen: CONNECT from [192.0.2.7]:4711 to [192.0.2.1]:25`
void log_screened(const ScreenedPeer& peer);
/// `postscreen: PASS OLD [192.0.2.7]:4711`; `what` is PASS OLD, PASS NEW, ALLOWLISTED, DENYLISTED,
/// ALLOWLIST VETO or DISCONNECT.
void log_screen_verdict(std::string_view what, const ScreenedPeer& peer);
/// `postscreen: PREGREET 14 after 0.22 from [192.0.2.7]:4711: EHLO ylmf-pc\r\n`
void log_pregreet(const ScreenedPeer& peer, Microseconds after, std::string_view input);
/// `postscreen: DNSBL rank 3 for [192.0.2.7]:4711`
void log_dnsbl_rank(const ScreenedPeer& peer, long rank);
/// `dnsblog: addr 192.0.2.7 listed by domain bl.example.org as 127.0.0.2`
void log_dnsbl_listing(std::string_view address, std::string_view zone, std::string_view reply);
/// `postscreen: BARE NEWLINE from [192.0.2.7]:4711 after EHLO x`; `what` is BARE NEWLINE or COMMAND
/// COUNT LIMIT.
void log_screen_fault(std::string_view what, const ScreenedPeer& peer, std::string_view after);
/// `postscreen: COMMAND PIPELINING from [192.0.2.7]:4711 after EHLO: MAIL FROM:<a@b>\r\n`; `what`
/// is COMMAND PIPELINING or NON-SMTP COMMAND.
void log_screen_fault(std::string_view what, const ScreenedPeer& peer, std::string_view after,
                      std::string_view input);
/// `postscreen: HANGUP after 1.4 from [192.0.2.7]:4711 in tests before SMTP handshake`; `stage` is
/// before or after.
void log_screen_hangup(const ScreenedPeer& peer, Microseconds after, std::string_view stage);

/// What a refused RCPT line contains besides its reply.
struct ScreenedRecipient {
  std::string_view reply;  ///< 550 5.7.1 Service unavailable; client [192.0.2.7] blocked using x
  std::string_view sender;
  std::string_view recipient;
  std::string_view protocol;  ///< SMTP, ESMTP
  std::string_view helo;
};
/// `postscreen: NOQUEUE: reject: RCPT from [192.0.2.7]:4711: 550 5.7.1 …; from=<a@b>, to=<x@y>,
/// proto=ESMTP, helo=<h>`
void log_screened_recipient(const ScreenedPeer& peer, const ScreenedRecipient& recipient);

}  // namespace pennypost

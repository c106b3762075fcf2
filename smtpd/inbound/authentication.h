// Finds out who vouches for one message of a stranger, and what follows from it.
//
//   Authentication check(loop, resolver, settings, client, now_seconds);
//   check.begin(header);                  // SPF is asked for while the body arrives
//   for (each piece) check.feed(piece);
//   co_await check.finish();              // keys, chain, policy
//
// The checks of mailauth_checks run beside each other. A failure of DNS is a temperror and has no
// consequences. Neither has a failure of DMARC or SPF if one of arc_trusted_sealers has seen DMARC
// pass, so that mail of lists and forwarders gets through. A message that shows authors of several
// domains, which is a way around DMARC, is put aside at most (RFC 7489 section 6.6.1).
//
// LIMITS     mailauth_timeout for all checks but DMARC, and once more for that; those of
//            common/mailauth
// STANDARDS  RFC 7208 section 8, RFC 7489 sections 6.6 and 10.3, RFC 7372 (5.7.23), RFC 8601
//            (iprev)
// SEE ALSO   mailauth_filter.h (who calls it), ../../common/mailauth
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/async/nursery.h"
#include "common/config/config.h"
#include "common/mailauth/arc.h"
#include "common/mailauth/auth_results.h"
#include "common/mailauth/dkim.h"
#include "common/mailauth/dmarc.h"
#include "common/mailauth/spf.h"
#include "smtpd/policy/report_messages.h"

namespace pennypost::smtp {

/// What is done with a message, mildest first.
enum class AuthAction { None, Quarantine, Reject };

struct AuthVerdict {
  AuthAction action = AuthAction::None;
  std::string status;  // enhanced status code of a refusal
  std::string reason;  // printable
};

class Authentication {
 public:
  struct Client {
    std::string address;       // `unknown` if there is none
    std::string name;          // verified, or `unknown`
    std::string reverse_name;  // unverified, or `unknown`
    bool is_name_lookup_failed = false;
    std::string helo;
    std::string sender;  // the envelope's; empty: the null sender
  };
  /// `now_seconds` since 1970.
  Authentication(Loop& loop, Resolver& resolver, const Settings& settings, Client client,
                 std::int64_t now_seconds);

  /// `header`: as it was received.
  void begin(std::string header);
  void feed(std::string_view body);
  /// Called once, after the whole body.
  Task<> finish();

  // After finish().
  /// For Authentication-Results.
  const std::vector<AuthMethod>& methods() const { return methods_; }
  const AuthVerdict& verdict() const { return verdict_; }
  /// For dmarc_reports; nothing if DMARC has come to no verdict, or the domain wants no reports.
  std::optional<NoteEvaluation> evaluation() const;
  /// `spf=pass dkim=pass (example.org) dmarc=pass (example.org)`, for the log.
  std::string summary() const;

 private:
  bool wants(std::string_view check) const;
  Task<> ask_spf();
  Task<> ask_dkim();
  Task<> ask_arc();
  Task<> ask_dmarc();
  AuthMethod reverse_name() const;
  void gather();
  std::vector<DmarcReportRow::Reason> reasons_not_obeyed() const;
  void judge();

  Loop& loop_;
  Resolver& resolver_;
  const Settings& settings_;
  Client client_;
  std::int64_t now_;
  std::string header_;
  std::optional<SpfResult> spf_;
  std::optional<DkimVerifier> dkim_verifier_;
  std::optional<ArcVerifier> arc_verifier_;
  std::vector<DkimResult> dkim_;
  std::optional<ArcResult> arc_;
  std::optional<DmarcResult> dmarc_;
  bool has_several_authors_ = false;
  bool is_vouched_for_ = false;  // by a trusted sealer
  std::vector<AuthMethod> methods_;
  AuthVerdict verdict_;
  Nursery asking_;  // the last member, so that what runs in it ends first
};

}  // namespace pennypost::smtp

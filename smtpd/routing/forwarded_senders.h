// Rewrites the senders of mail that leaves by an alias or .forward (srs_domain), and finds where
// bounces to such senders go.
//
// Only senders of foreign domains are rewritten, and not those of srs_exempt_domains. The secrets
// are read when they are needed first. Errors are temporary, but for addresses that lead nowhere.
// May be used by several threads.
//
// LIMITS     srs_secret_file_bytes_max, srs_secrets_max
// SEE ALSO   ../../common/mailauth/srs.h (the addresses)
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/config/config.h"
#include "common/mail/address.h"
#include "smtpd/routing/domains.h"
#include "store/maps/map.h"

namespace pennypost::smtp {

inline constexpr std::uint64_t srs_secret_file_bytes_max = 16 * 1024;
inline constexpr std::size_t srs_secrets_max = 32;

class ForwardedSenders {
 public:
  /// Rewrites nothing.
  ForwardedSenders() = default;
  static Result<ForwardedSenders> open(const Config& config, const store::MapOptions& options);

  /// Whether it is an address in srs_domain with the form of those made here.
  bool is_one(const MailAddress& address) const;
  /// To whom mail to such an address goes. Error 550: it was not made here, or is too old.
  Result<MailAddress> original(const MailAddress& address) const;
  /// The sender for mail of `sender`, which is of a foreign domain; nothing if it stays.
  Result<std::optional<std::string>> rewritten(const MailAddress& sender) const;

 private:
  struct State;
  std::shared_ptr<State> state_;  // null: srs_domain is empty
};

/// Makes srs_secret_file, if srs_domain is set and there is none; as root it belongs to mail_owner.
Result<void> prepare_srs_secret(const Config& config);

}  // namespace pennypost::smtp
